-- grain: one row per kind of duplicate: how many values are shared, by how many records
with shared as (
    select 'people with one e-mail' as kind, count(*) as records
    from usercom.people as person
    where trim(person.email) <> ''
    group by lower(trim(person.email))
    union all
    select 'people with one phone number', count(*)
    from usercom.people as person
    where trim(person.phone_number) <> ''
    group by regexp_replace(person.phone_number, '[^0-9+]', '', 'g')
    union all
    select 'companies with one name', count(*)
    from usercom.companies as company
    where trim(company.name) <> ''
    group by lower(trim(company.name))
)

select
    shared.kind,
    count(*) as shared_values,
    sum(shared.records) as records
from shared
where shared.records > 1
group by shared.kind
order by records desc, shared.kind
