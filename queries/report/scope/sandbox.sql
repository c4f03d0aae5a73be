-- grain: one row per kind of sandbox: whether the whole migration can be rehearsed in it
with needed as (
    select cast(sum(file.rows - file.rejected_rows) as double) * 2 / 1024 as megabytes
    from staged.files as file
    where
        file.source in (
            'people', 'companies', 'deals', 'activities', 'events', 'emails', 'sms', 'messages',
            'products', 'deal_products', 'stage_changes'
        )
)

select
    sandbox.kind,
    cast(sandbox.data_mb as bigint) as data_mb,
    needed.megabytes as needed_mb,
    case
        when sandbox.data_mb is null then 'as large as production'
        when cast(sandbox.data_mb as double) >= needed.megabytes then 'all of it fits'
        else 'a sample fits: transload run --sample'
    end as verdict,
    sandbox.note,
    sandbox.read_on
from config.sandboxes as sandbox
cross join needed
order by data_mb nulls last, sandbox.kind
