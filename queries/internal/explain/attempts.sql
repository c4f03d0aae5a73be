-- grain: one row per attempt to write a row that is explained, in their order
-- `is_asked` stands for the row.
select
    attempt.id,
    attempt.outcome,
    attempt.error_code,
    attempt.error,
    attempt.operation,
    attempt.job_id,
    attempt.attempt,
    attempt.run_id,
    attempt.at
from ledger.attempts_this_load as attempt
where attempt.is_asked
order by attempt.at, attempt.attempt
