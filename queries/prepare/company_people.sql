-- grain: one row per company with people that move
-- key: company_id
select
    p.company_id,
    count(*) filter (where p.target = 'Contact') as contacts,
    count(*) filter (where p.target = 'Lead') as leads
from prepare.person as p
where p.company_id is not null and p.fate is null
group by p.company_id
