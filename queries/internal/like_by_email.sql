-- grain: one row per e-mail address of records made beside ours that one of our rows has, too
select
    asked.address,
    min(cast(ours.usercom_id__c as varchar)) as key
from recon.beside_asked as asked
inner join outbox.this_load as ours
    on lower(trim(ours."Email")) = asked.address
group by asked.address
