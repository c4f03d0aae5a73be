-- grain: one row per person or company with tags: their names, each once
-- key: kind, id
select
    g.kind,
    g.id,
    array_sort(array_agg(t.name)) as tags
from prepare.tagging as g
inner join prepare.tag as t
    on t.tag = g.tag
group by g.kind, g.id
