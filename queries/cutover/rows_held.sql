-- grain: one row: rows, fields and deletions of the last run that wait for a decision
with last_run as (
    select max(log.started) as started
    from ledger.runs as log
    where log.kind = 'run'
)

select
    sum(
        coalesce(log.held, 0) + coalesce(log.conflicts, 0) + coalesce(log.gone_waiting, 0)
    ) as waiting,
    sum(log.held) as held,
    sum(log.conflicts) as conflicts,
    sum(log.gone_waiting) as deletions,
    max(log.run) as run
from ledger.runs as log
inner join last_run
    on last_run.started = log.started
