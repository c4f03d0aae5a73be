-- grain: one row per person that is a Contact against the split, or both Lead and Contact
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
where c.id is not null
    and (s.target = 'Lead' or l.id is not null)
