-- grain: one row per person or company with tags: their names, each once
-- key: kind, id
select
    tagged.kind,
    tagged.id,
    array_sort(array_agg(vocabulary.name)) as tags
from prepare.tag_on_record as tagged
inner join prepare.tag_vocabulary as vocabulary
    on vocabulary.tag = tagged.tag
group by tagged.kind, tagged.id
