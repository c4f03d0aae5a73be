-- grain: one row per deal with tags: their names, each once
-- key: deal_id
select
    tagged.deal_id,
    array_sort(array_agg(distinct vocabulary.name)) as tags
from prepare.deal_tag as tagged
inner join prepare.deal_tag_vocabulary as vocabulary
    on vocabulary.tag = lower(tagged.name)
group by tagged.deal_id
