-- grain: one row per source of loads: its rows = outbox + held + out of scope + passive + ignored
-- The rows of a source are known once the last of its loads was reported.
select
    run.source,
    max(run.source_rows) as rows,
    sum(run.outbox) as outbox,
    sum(run.held) as held,
    sum(run.out_of_scope) as out_of_scope,
    sum(run.passive) as passive,
    sum(run.ignored) as ignored,
    max(run.source_rows)
    - sum(run.outbox + run.held + run.out_of_scope + run.passive + run.ignored) as unaccounted
from ledger.runs as run
where run.run = $run and run.source is not null
group by run.source
having max(run.source_rows) > 0
order by rows desc, run.source
