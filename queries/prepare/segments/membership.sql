-- grain: one row per segment or list and person in it
-- key: segment_key, person_id
select
    concat('segment:', member.segment_id) as segment_key,
    member.person_id,
    min(member.added_at) as added_at
from usercom.segment_members as member
group by member.segment_id, member.person_id
union all
select
    on_list.segment_key,
    on_list.person_id,
    cast(null as timestamp(6) with time zone)
from prepare.list_on_person as on_list
