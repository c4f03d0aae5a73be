-- grain: one row per load and error: rows that did not land in the run
select
    attempt.load,
    attempt.error_code,
    min(attempt.error) as for_example,
    count(distinct attempt.key) as rows
from ledger.attempts as attempt
where attempt.run_id = $run and attempt.outcome in ('failed', 'unprocessed')
group by attempt.load, attempt.error_code
order by rows desc, attempt.load, attempt.error_code
