-- grain: one row per person with a primary company
-- key: id
-- A person that names none belongs to the first company that names it.
with named as (
    select
        person.id,
        coalesce(
            person.company_id,
            case when person.company_name_key is null then first_company.company_id end
        ) as company_id,
        person.company_name,
        person.company_name_key,
        person.company_id is null
            and person.company_name_key is null
            and first_company.place = 3 as is_from_company
    from mapped.people as person
    left join prepare.first_company as first_company
        on first_company.person_id = person.id
)

select
    named.id,
    coalesce(company.id, by_name.company_id) as company_id,
    coalesce(nullif(trim(company.name), ''), nullif(trim(named.company_name), '')) as company_name,
    coalesce(cast(named.company_id as varchar), trim(named.company_name)) as named_company,
    named.is_from_company,
    case
        when coalesce(company.id, by_name.company_id) is not null then null
        when named.company_id is null and shared.name is not null then 'ambiguous_company'
        else 'company_not_in_export'
    end as problem
from named
left join usercom.companies as company
    on company.id = named.company_id
left join prepare.company_name as by_name
    on by_name.name = named.company_name_key
left join prepare.shared_company_name as shared
    on shared.name = named.company_name_key
where named.company_id is not null or named.company_name_key is not null
