-- grain: one row: how the run ended, or how far it has come
select
    max(run.status) as status,
    to_char(max(run.started), '%Y-%m-%d %H:%M UTC') as started,
    to_char(max(run.finished), '%Y-%m-%d %H:%M UTC') as finished,
    count(run.load) as phases_begun,
    count(run.passed) as phases_reported,
    coalesce(sum(run.created), 0) as created,
    coalesce(sum(run.updated), 0) as updated,
    coalesce(sum(run.failed + run.unprocessed), 0) as not_landed,
    coalesce(sum(run.held), 0) as held,
    coalesce(sum(run.differences), 0) as differences
from ledger.runs as run
where run.run = $run
