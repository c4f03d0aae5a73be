-- grain: one row per person with companies: the one that comes first
-- key: person_id
select
    link.person_id,
    first_value(link.company_id order by link.place, link.company_id) as company_id,
    min(link.place) as place
from prepare.company_of_person as link
group by link.person_id
