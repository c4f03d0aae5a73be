-- grain: one row per segment or list, with its criteria and how many members it has
select
    segment.key,
    segment.name,
    segment.description,
    segment.criteria,
    count(membership.person_id) as members
from prepare.segment as segment
left join prepare.membership as membership
    on membership.segment_key = segment.key
group by segment.key, segment.name, segment.description, segment.criteria
order by segment.key
