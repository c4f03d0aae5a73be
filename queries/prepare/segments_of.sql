-- grain: one row per person in segments or lists: their names
-- key: person_id
select
    m.person_id,
    array_sort(array_agg(distinct s.name)) as segments
from prepare.membership as m
inner join prepare.segment as s
    on s.key = m.segment_key
group by m.person_id
