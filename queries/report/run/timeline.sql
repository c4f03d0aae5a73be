-- grain: one row per phase with rows, in order of time: when it began and ended, what took long
select
    run.load,
    run.sent as rows_sent,
    to_char(run.began, '%Y-%m-%d %H:%M:%S') as began_utc,
    to_char(run.ended, '%Y-%m-%d %H:%M:%S') as ended_utc,
    round(run.prepare_seconds, 1) as prepare_seconds,
    round(run.send_seconds, 1) as send_seconds,
    round(run.check_seconds, 1) as check_seconds,
    round(date_part('epoch', run.began) - date_part('epoch', run.started), 1) as from_second,
    round(run.prepare_seconds + run.send_seconds + run.check_seconds, 1) as seconds
from ledger.runs as run
where run.run = $run and run.began is not null and run.outbox > 0
order by run.began, run.load
