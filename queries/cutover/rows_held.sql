-- grain: one row: rows that the last run held for a decision
with last_run as (
    select max(log.started) as started
    from ledger.runs as log
    where log.kind = 'run'
)

select
    sum(log.held) as held,
    max(log.run) as run
from ledger.runs as log
inner join last_run
    on last_run.started = log.started
