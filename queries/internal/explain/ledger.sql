-- grain: one row per record of a load that is explained
-- `this_key` stands for the text of a row's key, `is_asked` for the rows.
select
    landed.this_key as key,
    landed.id,
    landed.live,
    landed.outcome,
    landed.error_code,
    landed.error,
    landed.operation,
    landed.job_id,
    landed.attempt,
    landed.run_id,
    landed.at
from ledger.this_load as landed
where landed.is_asked
