-- grain: one row: Bulk batches and requests that the rows of the export ask for
with counted as (
    select
        file.source,
        sum(file.rows - file.rejected_rows) as rows
    from staged.files as file
    group by file.source
)

select
    sum(
        case
            when counted.source in ('files', 'notes') then 0
            else ceil(cast(counted.rows as double) / 10000)
        end
    ) as batches,
    sum(
        case counted.source
            -- Each file is a request of its own; three notes share one, as measured.
            when 'files' then cast(counted.rows as double)
            when 'notes' then ceil(cast(counted.rows as double) / 3)
            else 15
        end
    ) as requests
from counted
where counted.rows > 0
