-- grain: one row, the microsecond at which the first record landed
select
    cast(min(landed.at) as bigint) as at
from ledger.this_load as landed
where landed.id is not null
