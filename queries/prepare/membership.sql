-- grain: one row per segment or list and person in it
-- key: segment_key, person_id
with on_lists as (
    select p.id as person_id, unnest(p.lists) as list
    from usercom.people as p
)

select
    concat('segment:', m.segment_id) as segment_key,
    m.person_id,
    m.added_at
from usercom.segment_members as m
union all
select
    concat('list:', l.id),
    o.person_id,
    cast(null as timestamp with time zone)
from on_lists as o
inner join usercom.lists as l
    on cast(l.id as varchar) = trim(o.list) or lower(trim(l.name)) = lower(trim(o.list))
group by l.id, o.person_id
