-- grain: one row per person or company and tag
-- key: kind, id
with named as (
    select 'person' as kind, p.id, unnest(p.tags) as name
    from usercom.people as p
    union all
    select 'company' as kind, c.id, unnest(c.tags) as name
    from usercom.companies as c
)

select
    n.kind,
    n.id,
    lower(left(trim(n.name), 150)) as tag,
    min(left(trim(n.name), 150)) as name
from named as n
where trim(n.name) <> ''
group by n.kind, n.id, lower(left(trim(n.name), 150))
