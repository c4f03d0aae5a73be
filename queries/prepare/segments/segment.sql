-- grain: one row per segment and list
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
    cast(null as timestamp with time zone),
    list.in_scope
from mapped.lists as list
