-- grain: one row per person in segments or lists: their names
-- key: person_id
select
    member.person_id,
    array_sort(array_agg(distinct segment.name)) as segments
from prepare.membership as member
inner join prepare.segment as segment
    on segment.key = member.segment_key
group by member.person_id
