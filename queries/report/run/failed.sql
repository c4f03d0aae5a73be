-- grain: one row per load and error: rows that did not land in the run
with failed as (
    select
        attempt.load,
        attempt.error_code,
        min(attempt.error) as for_example,
        count(distinct attempt.key) as rows
    from ledger.attempts as attempt
    where attempt.run_id = $run and attempt.outcome in ('failed', 'unprocessed')
    group by attempt.load, attempt.error_code
)

select
    failed.load,
    failed.error_code,
    failed.rows,
    coalesce(remedy.concerns, other.concerns) as concerns,
    coalesce(remedy.what_to_do, other.what_to_do) as what_to_do,
    concat('transload load --failed ', failed.load) as next_command,
    failed.for_example
from failed
left join recon.remedies as remedy
    on remedy.error_code = failed.error_code
left join recon.remedies as other
    on other.error_code = ''
order by failed.rows desc, failed.load, failed.error_code
