-- grain: one row: what the last `transload reconcile --since last` found
with last_look as (
    select max(seen.at) as looked_at
    from ledger.reconciliations as seen
    where seen.reads = 'changes'
)

select
    sum(seen.findings) as findings,
    sum(seen.findings) filter (where seen.what in ('load', 'query')) as differences,
    sum(seen.findings) filter (where seen.what = 'duplicates') as possible_duplicates,
    sum(seen.findings) filter (where seen.what = 'storms') as storms,
    cast(max(last_look.looked_at) as varchar) as looked_at
from ledger.reconciliations as seen
inner join last_look
    on last_look.looked_at = seen.at
