-- grain: one row: loads of the last run whose gate did not hold or that were not reported
with last_run as (
    select max(log.started) as started
    from ledger.runs as log
    where log.kind = 'run'
)

select
    count(*) filter (where (log.passed is distinct from true) or log.status <> 'ok') as shut,
    max(log.run) as run,
    max(log.status) as status
from ledger.runs as log
inner join last_run
    on last_run.started = log.started
