-- grain: one row per fate of source rows in the run
with total as (
    select
        sum(run.outbox) filter (where run.passed is not null) as reported,
        sum(run.sent) filter (where run.passed is null) as answered,
        sum(run.unprocessed) filter (where run.passed is null) as unanswered,
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
            make_array(
                'sent or already there', 'no answer so far', 'held', 'out of scope', 'passive',
                'ignored'
            )
        ) as fate,
        unnest(
            make_array(
                coalesce(total.reported, 0) + coalesce(total.answered, 0), total.unanswered,
                total.held, total.out_of_scope, total.passive, total.ignored
            )
        ) as rows
    from total
)

select
    fates.fate,
    coalesce(fates.rows, 0) as rows
from fates
where fates.rows > 0 or fates.fate <> 'no answer so far'
order by rows desc, fates.fate
