-- grain: one row per tag of deals, whatever its case
-- key: tag
with named as (
    select trim(unnest(deal.tags)) as name
    from usercom.deals as deal
)

select
    lower(named.name) as tag,
    min(named.name) as name
from named
where named.name <> ''
group by lower(named.name)
