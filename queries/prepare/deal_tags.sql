-- grain: one row per deal with tags: their names, each once
-- key: deal_id
with named as (
    select d.id as deal_id, lower(trim(unnest(d.tags))) as tag
    from usercom.deals as d
)

select
    n.deal_id,
    array_sort(array_agg(distinct t.name)) as tags
from named as n
inner join prepare.deal_tag as t
    on t.tag = n.tag
group by n.deal_id
