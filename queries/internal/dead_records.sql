-- grain: one row per record that was deleted, merged or converted
select
    landed.id as id,
    landed.live as live
from ledger.this_load as landed
where landed.id is not null
    and landed.live <> 'live'
