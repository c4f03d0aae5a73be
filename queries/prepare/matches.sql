-- grain: one row per row of the export and record of the org that may be the same, of many with one address the first
with source as (
    select
        'Account' as target,
        c.id,
        'domain' as basis,
        regexp_replace(
            lower(trim(c.domain)), '^(?:https?:)?/*(?:www\.)?([^/?#:]*?)\.?(?:[/?#:].*)?$', '\1'
        ) as value
    from mapped.companies as c
    where c.in_scope
    union all
    select p.target, p.id, 'email', lower(p.email)
    from prepare.person as p
    where p.fate is null
),

rows_with as (
    select s.basis, s.value, count(*) as number
    from source as s
    where s.value like '%.%'
    group by s.basis, s.value
),

records_with as (
    select e.basis, e.value, count(*) as number, min(e.id) as first_id
    from prepare.existing as e
    where e.value like '%.%'
    group by e.basis, e.value
)

select
    e.object,
    s.id as usercom_id,
    e.id as salesforce_id,
    e.name,
    s.basis,
    s.value,
    s.target,
    r.number as rows_of_the_export,
    c.number as records_of_the_org
from records_with as c
inner join rows_with as r
    on r.basis = c.basis and r.value = c.value
inner join source as s
    on s.basis = c.basis and s.value = c.value
inner join prepare.existing as e
    on e.basis = c.basis and e.value = c.value and (c.number <= 10 or e.id = c.first_id)
