-- grain: one row per tag of deals, whatever its case
with named as (
    select unnest(d.tags) as name
    from usercom.deals as d
)

select
    lower(trim(n.name)) as tag,
    min(trim(n.name)) as name
from named as n
where trim(n.name) <> ''
group by lower(trim(n.name))
