-- grain: one row: differences between what was sent and what the org has
-- Of each load and query the newest comparison counts: that of a run, or of `transload reconcile`.
-- A run that came to its end has compared everything, so nothing before it counts.
with last_whole_run as (
    select max(log.started) as started
    from ledger.runs as log
    where log.kind = 'run' and log.status = 'ok'
),

last_run as (
    select max(log.run) as run
    from ledger.runs as log
    where log.kind = 'run'
),

compared as (
    select 'load' as what, log.load as name, log.started as compared_at, log.differences as found
    from ledger.runs as log
    where log.kind = 'run' and log.differences is not null
    union all
    select seen.what, seen.name, seen.at as compared_at, seen.findings as found
    from ledger.reconciliations as seen
    where seen.what in ('load', 'query')
),

counted as (
    select
        compared.found,
        row_number() over (
            partition by compared.what, compared.name
            order by compared.compared_at desc
        ) as place
    from compared
    cross join last_whole_run
    where last_whole_run.started is null or compared.compared_at >= last_whole_run.started
)

select
    sum(counted.found) as differences,
    max(last_run.run) as run
from counted
cross join last_run
where counted.place = 1
