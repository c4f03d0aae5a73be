-- grain: one row per deal with tags: their names, each once
-- key: deal_id
with named as (
    select deal.id as deal_id, trim(unnest(deal.tags)) as name
    from usercom.deals as deal
)

select
    named.deal_id,
    array_sort(array_agg(distinct vocabulary.name)) as tags
from named
inner join prepare.deal_tag_vocabulary as vocabulary
    on vocabulary.tag = lower(named.name)
group by named.deal_id
