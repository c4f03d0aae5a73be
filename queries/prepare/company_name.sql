-- grain: one row per company name that only one company has
-- key: name
select
    lower(trim(c.name)) as name,
    min(c.id) as company_id
from usercom.companies as c
where trim(c.name) <> ''
group by lower(trim(c.name))
having count(*) = 1
