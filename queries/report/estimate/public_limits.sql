-- grain: one row per public limit of an Enterprise org beside what the rows of the export ask for
with counted as (
    select
        file.source,
        sum(file.rows - file.rejected_rows) as rows
    from staged.files as file
    group by file.source
),

needed as (
    select
        sum(
            case
                when counted.source in ('files', 'notes') then 0
                else ceil(cast(counted.rows as double) / 10000)
            end
        ) as batches,
        sum(
            case counted.source
                when 'files' then cast(counted.rows as double)
                when 'notes' then ceil(cast(counted.rows as double) / 3)
                else 15
            end
        ) as requests
    from counted
    where counted.rows > 0
),

limits as (
    select 'Bulk batches in 24 hours' as name, needed.batches as needed, 15000 as allowed
    from needed
    union all
    select 'Requests in 24 hours', needed.requests, 100000
    from needed
)

select
    limits.name as limit_of_an_org,
    cast(limits.needed as bigint) as needed,
    limits.allowed as allowed_at_least,
    case
        when limits.needed <= limits.allowed then 'enough, if nobody else uses it'
        else concat('about ', cast(ceil(limits.needed / limits.allowed) as bigint), ' days')
    end as verdict
from limits
order by limits.name
