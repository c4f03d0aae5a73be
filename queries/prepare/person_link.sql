-- grain: one row per person: the record it became, or why there is none
-- key: person_id
select
    p.id as person_id,
    c.id as contact_id,
    l.id as lead_id,
    coalesce(c.id, l.id) as who_id,
    case
        when coalesce(c.id, l.id) is not null then null
        when p.fate in ('passive', 'out_of_scope') then p.fate
        else 'held'
    end as fate,
    case
        when coalesce(c.id, l.id) is null then concat('person_', coalesce(p.fate, 'not_loaded'))
    end as reason
from prepare.person as p
left join ledger.contact as c
    on c.usercom_id__c = p.id
left join ledger.lead as l
    on l.usercom_id__c = p.id
