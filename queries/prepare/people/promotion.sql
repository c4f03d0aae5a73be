-- grain: one row per person that is a Lead in the org and a Contact by the split
-- key: id
select
    person.id,
    lead.id as lead_id
from prepare.person as person
inner join known.lead as lead
    on lead.number = person.id and lead.live = 'live'
left join known.contact as contact
    on contact.key = lead.key
where person.target = 'Contact' and person.fate is null and contact.id is null
