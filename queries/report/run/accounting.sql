-- grain: one row per load with rows: outbox = created + updated + unchanged + failed + unprocessed
select
    run.load,
    run.object,
    run.outbox,
    run.created,
    run.updated,
    run.unchanged,
    run.failed,
    run.unprocessed,
    run.outbox
    - run.created - run.updated - run.unchanged - run.failed - run.unprocessed as unaccounted,
    case run.passed when true then 'open' when false then 'shut' else 'not reached' end as gate
from ledger.runs as run
where run.run = $run and run.load is not null and run.outbox > 0
