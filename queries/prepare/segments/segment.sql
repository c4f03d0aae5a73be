-- grain: one row per segment and list, those too that only people name
-- key: key
select
    concat('segment:', segment.id) as key,
    coalesce(nullif(trim(segment.name), ''), concat('Segment ', segment.id)) as name,
    segment.description,
    segment.criteria,
    segment.kind,
    segment.created_at,
    segment.in_scope
from mapped.segments as segment
union all
select
    concat('list:', list.id),
    coalesce(nullif(trim(list.name), ''), concat('List ', list.id)),
    list.description,
    cast(null as varchar),
    cast(null as varchar),
    cast(null as timestamp(6) with time zone),
    list.in_scope
from mapped.lists as list
union all
select
    on_list.segment_key,
    min(on_list.name),
    cast(null as varchar),
    cast(null as varchar),
    cast(null as varchar),
    cast(null as timestamp(6) with time zone),
    true
from prepare.list_on_person as on_list
where not on_list.is_declared
group by on_list.segment_key
