-- grain: one row: differences between what the last run sent and what the org has
with last_run as (
    select max(log.started) as started
    from ledger.runs as log
    where log.kind = 'run'
)

select
    sum(log.differences) as differences,
    max(log.run) as run
from ledger.runs as log
inner join last_run
    on last_run.started = log.started
