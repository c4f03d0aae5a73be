-- grain: one row per calendar event: when it begins and ends
-- key: id
select
    event.id,
    coalesce(event.all_day, false) as all_day,
    event.start_at,
    case
        when event.end_at >= event.start_at then event.end_at
        when event.duration > 0
            then to_timestamp_micros(
                arrow_cast(event.start_at, 'Int64') + least(event.duration, 1000000000) * 60000000
            )
    end as end_at,
    event.end_at < event.start_at as ends_before_start
from usercom.events as event
