-- grain: one row per fate of source rows in the run
with fates as (
    select 'sent or already there' as fate, sum(run.outbox) as rows
    from ledger.runs as run
    where run.run = $run
    union all
    select 'held', sum(run.held)
    from ledger.runs as run
    where run.run = $run
    union all
    select 'out of scope', sum(run.out_of_scope)
    from ledger.runs as run
    where run.run = $run
    union all
    select 'passive', sum(run.passive)
    from ledger.runs as run
    where run.run = $run
    union all
    select 'ignored', sum(run.ignored)
    from ledger.runs as run
    where run.run = $run
)

select
    fates.fate,
    coalesce(fates.rows, 0) as rows
from fates
order by rows desc, fates.fate
