-- grain: one row per phase that was measured, in the order of the run's loads
select
    run.load,
    run.object,
    run.sent as rows_sent,
    round(run.prepare_seconds, 1) as prepare_seconds,
    round(run.send_seconds, 1) as send_seconds,
    round(run.check_seconds, 1) as check_seconds,
    round(run.prepare_seconds + run.send_seconds + run.check_seconds, 1) as seconds
from ledger.runs as run
where run.run = $run and run.prepare_seconds is not null and run.outbox > 0
order by seconds desc, run.load
