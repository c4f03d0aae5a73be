-- grain: one row per place before, place now and reason now: how many rows
select
    pair.object_before,
    pair.fate_before,
    pair.object_now,
    pair.fate_now,
    coalesce(pair.reason_now, pair.reason_before) as reason,
    count(*) as rows
from diff.pairs as pair
group by
    pair.object_before,
    pair.fate_before,
    pair.object_now,
    pair.fate_now,
    coalesce(pair.reason_now, pair.reason_before)
