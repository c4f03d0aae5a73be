-- grain: one row per public limit of an Enterprise org beside what the rows of the export ask for
with limits as (
    select 'Bulk batches in 24 hours' as name, needed.batches as needed, 15000 as allowed
    from staged.needs as needed
    union all
    select 'Requests in 24 hours', needed.requests, 100000
    from staged.needs as needed
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
