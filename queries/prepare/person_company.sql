-- grain: one row per person with a primary company
-- key: id
select
    p.id,
    coalesce(c.id, n.company_id) as company_id,
    coalesce(nullif(trim(c.name), ''), nullif(trim(p.company_name), '')) as company_name,
    coalesce(cast(p.company_id as varchar), trim(p.company_name)) as named_company
from usercom.people as p
left join usercom.companies as c
    on c.id = p.company_id
left join prepare.company_name as n
    on n.name = lower(trim(p.company_name))
where p.company_id is not null or trim(p.company_name) <> ''
