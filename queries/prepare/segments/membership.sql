-- grain: one row per segment or list and person in it
-- key: segment_key, person_id
with on_lists as (
    select person.id as person_id, trim(unnest(person.lists)) as list
    from usercom.people as person
)

select
    concat('segment:', member.segment_id) as segment_key,
    member.person_id,
    member.added_at
from usercom.segment_members as member
union all
select
    concat('list:', list.id),
    on_lists.person_id,
    cast(null as timestamp with time zone)
from on_lists
inner join mapped.lists as list
    on cast(list.id as varchar) = on_lists.list or list.name_key = lower(on_lists.list)
group by list.id, on_lists.person_id
