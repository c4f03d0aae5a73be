-- grain: one row per deal with people that are Leads, whom a role cannot name
-- key: deal_id
select
    d.deal_id,
    array_to_string(array_sort(array_agg(concat('person ', d.person_id, ' (lead ', w.lead_id, ')'))), ', ') as leads
from prepare.deal_people as d
inner join prepare.person_link as w
    on w.person_id = d.person_id
where w.lead_id is not null and w.contact_id is null
group by d.deal_id
