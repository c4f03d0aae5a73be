-- grain: one row per person that landed on the wrong side of the split
select
    s.id,
    s.target,
    s.reason,
    l.id as lead_id,
    c.id as contact_id
from prepare.person as s
left join ledger.lead as l
    on l.usercom_id__c = s.id
left join ledger.contact as c
    on c.usercom_id__c = s.id
where (s.target = 'Lead' and c.id is not null)
    or (s.target = 'Contact' and l.id is not null)
