-- grain: one row per object of the export, and one for all: what its rows ask for at public rates
-- Rows are those of the export; what is held, unchanged or left out is not known without the org.
-- Three notes share a request, each file has one; 810 to 5,500 rows a second are public.
with counted as (
    select
        file.source as object,
        sum(file.rows - file.rejected_rows) as rows
    from staged.files as file
    where
        file.source not in (
            'agents', 'attributes', 'custom_objects', 'custom_object_fields', 'pipelines', 'stages'
        )
    group by file.source
),

asked as (
    select
        counted.object,
        counted.rows,
        case
            when counted.object in ('files', 'notes') then 0
            else cast(ceil(cast(counted.rows as double) / 10000) as bigint)
        end as batches,
        case counted.object
            when 'files' then counted.rows
            when 'notes' then cast(ceil(cast(counted.rows as double) / 3) as bigint)
            else 15
        end as requests,
        cast(counted.rows as double) * 2 / 1024 as storage_mb
    from counted
    where counted.rows > 0
),

timed as (
    select
        asked.*,
        case
            when asked.batches = 0 then cast(asked.requests as double) / 4
            else cast(asked.rows as double) / 5500
        end as low_seconds,
        case
            when asked.batches = 0 then cast(asked.requests as double)
            else cast(asked.rows as double) / 810
        end as high_seconds
    from asked
)

select
    timed.object,
    timed.rows,
    timed.batches,
    timed.requests,
    timed.storage_mb,
    timed.low_seconds,
    timed.high_seconds
from timed
union all
select
    'all of them',
    sum(timed.rows),
    sum(timed.batches),
    sum(timed.requests),
    sum(timed.storage_mb),
    sum(timed.low_seconds),
    sum(timed.high_seconds)
from timed
order by high_seconds desc, object
