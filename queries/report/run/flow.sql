-- grain: one row per load and fate of its rows in the run
with counted as (
    select
        run.load,
        unnest(
            make_array(
                'created', 'changed', 'already there', 'did not land', 'no answer so far',
                'held', 'out of scope', 'passive', 'ignored'
            )
        ) as fate,
        unnest(
            make_array(
                run.created, run.updated, run.unchanged,
                run.failed + case when run.passed is null then 0 else run.unprocessed end,
                case when run.passed is null then run.unprocessed else 0 end,
                run.held, run.out_of_scope, run.passive, run.ignored
            )
        ) as rows
    from ledger.runs as run
    where run.run = $run and run.load is not null
)

select
    counted.load,
    counted.fate,
    counted.rows
from counted
where counted.rows > 0
order by counted.rows desc, counted.load, counted.fate
