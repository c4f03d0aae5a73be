-- grain: one row per load that was expected or took part in the run, and one for all of them
with actual as (
    select
        run.load,
        run.sent as rows_sent,
        run.prepare_seconds + run.send_seconds + run.check_seconds as seconds
    from ledger.runs as run
    where run.run = $run and run.load is not null and (run.outbox > 0 or run.sent > 0)
),
compared as (
    select
        coalesce(load.load, actual.load) as load,
        load.rows as rows_expected,
        actual.rows_sent,
        load.low_seconds,
        load.likely_seconds,
        load.high_seconds,
        actual.seconds
    from estimate.loads as load
    full join actual
        on actual.load = load.load
),
ran as (
    select
        date_part('epoch', max(run.finished) - min(run.started)) as seconds,
        sum(run.sent) as rows_sent
    from ledger.runs as run
    where run.run = $run
)

select
    'the whole run' as load,
    (select sum(load.rows) from estimate.loads as load) as rows_expected,
    ran.rows_sent,
    round(total.low_seconds, 1) as low_seconds,
    round(total.likely_seconds, 1) as likely_seconds,
    round(total.high_seconds, 1) as high_seconds,
    round(ran.seconds, 1) as actual_seconds,
    round(100 * (ran.seconds / nullif(total.likely_seconds, 0) - 1), 1) as percent_off
from estimate.total as total
cross join ran
union all
select
    compared.load,
    compared.rows_expected,
    compared.rows_sent,
    round(compared.low_seconds, 1),
    round(compared.likely_seconds, 1),
    round(compared.high_seconds, 1),
    round(compared.seconds, 1),
    round(100 * (compared.seconds / nullif(compared.likely_seconds, 0) - 1), 1)
from compared
order by actual_seconds desc nulls last, load
