-- grain: one row per load that was read back: records found as they were sent
with different as (
    select difference.load, count(distinct difference.key) as records
    from recon.differences as difference
    group by difference.load
)

select
    run.load,
    run.object,
    run.read_back,
    coalesce(different.records, 0) as different,
    case
        when run.read_back > 0
            then (1 - cast(coalesce(different.records, 0) as double)
                / cast(run.read_back as double)) * 100
    end as percent_the_same
from ledger.runs as run
left join different
    on different.load = run.load
where run.run = $run and run.read_back > 0
order by percent_the_same, run.load
