-- grain: one row per person that has a Lead in the org and is a Contact
-- key: id
select
    person.id,
    lead.id as lead_id,
    person.fate
from prepare.person as person
inner join known.lead as lead
    on lead.number = person.id and lead.live = 'live'
where person.target = 'Contact'
