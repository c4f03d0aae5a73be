-- grain: one row: rows of the last run that Salesforce refused or never tried
with last_run as (
    select max(log.started) as started
    from ledger.runs as log
    where log.kind = 'run'
)

select
    sum(log.failed + log.unprocessed) as failed,
    max(log.run) as run
from ledger.runs as log
inner join last_run
    on last_run.started = log.started
