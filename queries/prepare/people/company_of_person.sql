-- grain: one row per person and company that the person, its list of companies or the company names
with named as (
    select person.id as person_id, person.company_id, 1 as place
    from usercom.people as person
    where person.company_id is not null
    union all
    select person.id, unnest(person.company_ids), 2
    from usercom.people as person
    union all
    select unnest(company.employee_ids), company.id, 3
    from usercom.companies as company
)

select
    named.person_id,
    named.company_id,
    min(named.place) as place
from named
where named.person_id is not null and named.company_id is not null
group by named.person_id, named.company_id
