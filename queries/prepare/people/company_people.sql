-- grain: one row per company with people that move
-- key: company_id
select
    person.company_id,
    count(*) filter (where person.target = 'Contact') as contacts,
    count(*) filter (where person.target = 'Lead') as leads
from prepare.person as person
where person.company_id is not null and person.fate is null
group by person.company_id
