-- grain: one row per person with a primary company
-- key: id
select
    person.id,
    coalesce(company.id, by_name.company_id) as company_id,
    coalesce(nullif(trim(company.name), ''), nullif(trim(person.company_name), '')) as company_name,
    coalesce(cast(person.company_id as varchar), trim(person.company_name)) as named_company
from mapped.people as person
left join usercom.companies as company
    on company.id = person.company_id
left join prepare.company_name as by_name
    on by_name.name = person.company_name_key
where person.company_id is not null or person.company_name_key is not null
