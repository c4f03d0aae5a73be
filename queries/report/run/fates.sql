-- grain: one row per fate of source rows in the run
with total as (
    select
        sum(run.outbox) as sent,
        sum(run.held) as held,
        sum(run.out_of_scope) as out_of_scope,
        sum(run.passive) as passive,
        sum(run.ignored) as ignored
    from ledger.runs as run
    where run.run = $run
),

fates as (
    select
        unnest(
            make_array('sent or already there', 'held', 'out of scope', 'passive', 'ignored')
        ) as fate,
        unnest(
            make_array(total.sent, total.held, total.out_of_scope, total.passive, total.ignored)
        ) as rows
    from total
)

select
    fates.fate,
    coalesce(fates.rows, 0) as rows
from fates
order by rows desc, fates.fate
