-- grain: one row per company name that only one company has
-- key: name
select
    company.name_key as name,
    min(company.id) as company_id
from mapped.companies as company
where company.name_key is not null
group by company.name_key
having count(*) = 1
