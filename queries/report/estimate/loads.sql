-- grain: one row per load with rows to send
select
    load.load,
    load.object,
    load.rows as rows_to_send,
    load.jobs,
    load.batches,
    load.calls,
    round(load.storage_kb / 1024.0, 1) as storage_mb,
    round(load.low_seconds, 1) as low_seconds,
    round(load.high_seconds, 1) as high_seconds,
    case
        when load.measured_rows is not null then load.measured_rows || ' rows of its own'
        when load.likely_seconds is not null then 'other loads'
        else 'public rates'
    end as rests_on,
    round(load.likely_seconds, 1) as likely_seconds
from estimate.loads as load
order by likely_seconds desc nulls last, high_seconds desc, load
