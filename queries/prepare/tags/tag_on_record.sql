-- grain: one row per person or company and tag on it
-- key: kind, id
with listed as (
    select 'person' as kind, person.id, trim(unnest(person.tags)) as name
    from usercom.people as person
    union all
    select 'company' as kind, company.id, trim(unnest(company.tags)) as name
    from usercom.companies as company
),

named as (
    select listed.kind, listed.id, coalesce(tag.name, listed.name) as name
    from listed
    left join prepare.tag_name as tag
        on tag.number = listed.name
)

select
    named.kind,
    named.id,
    lower(named.name) as tag,
    min(named.name) as name
from named
where named.name <> ''
group by named.kind, named.id, lower(named.name)
