-- grain: one row per segment and list
-- key: key
select
    concat('segment:', s.id) as key,
    coalesce(nullif(trim(s.name), ''), concat('Segment ', s.id)) as name,
    s.description,
    s.criteria,
    s.in_scope
from mapped.segments as s
union all
select
    concat('list:', l.id),
    coalesce(nullif(trim(l.name), ''), concat('List ', l.id)),
    l.description,
    cast(null as varchar),
    l.in_scope
from mapped.lists as l
