-- grain: one row per segment: who is in it, and by which rule
with members as (
    select member.segment_id, count(distinct member.person_id) as people
    from usercom.segment_members as member
    group by member.segment_id
)

select
    segment.name,
    segment.kind,
    segment.description,
    coalesce(segment.criteria, 'not in the export: look them up in User.com') as criteria,
    coalesce(members.people, 0) as people
from usercom.segments as segment
left join members
    on members.segment_id = segment.id
order by people desc, segment.name
