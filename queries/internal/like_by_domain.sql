-- grain: one row per domain of accounts made beside ours that one of our rows has, too
select
    asked.address,
    min(cast(ours.usercom_id__c as varchar)) as key
from recon.beside_asked as asked
inner join outbox.this_load as ours
    on regexp_replace(
        lower(trim(ours."Website")), '^([a-z]+://)?(www[.])?([^/:?#]*).*$', '\3'
    ) = asked.address
group by asked.address
