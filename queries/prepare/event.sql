-- grain: one row per calendar event: when it begins and ends
-- key: id
select
    e.id,
    coalesce(e.all_day, false) as all_day,
    e.start_at,
    case
        when e.end_at >= e.start_at then e.end_at
        when e.duration > 0 then to_timestamp_micros(arrow_cast(e.start_at, 'Int64') + e.duration * 60000000)
    end as end_at,
    e.end_at < e.start_at as ends_before_start
from usercom.events as e
