-- grain: one row per company name that several companies have
-- key: name
select company.name_key as name
from mapped.companies as company
where company.name_key is not null
group by company.name_key
having count(*) > 1
