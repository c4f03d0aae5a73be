-- grain: one row per row of a source that either version of the rules places: where, and why
select
    coalesce(before.key, now.key) as key,
    before.object as object_before,
    coalesce(before.fate, 'absent') as fate_before,
    before.reason as reason_before,
    now.object as object_now,
    coalesce(now.fate, 'absent') as fate_now,
    now.reason as reason_now,
    (before.object is distinct from now.object)
        or (before.fate is distinct from now.fate) as is_moved
from before.placed as before
full outer join now.placed as now
    on now.key = before.key
