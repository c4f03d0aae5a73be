-- grain: one row per record with a sum that cannot be read, or is in another currency
-- key: source, id
select
    altered.source,
    altered.id,
    min(altered.reason) as reason,
    min(altered.value) as value
from staged.altered as altered
where altered.id is not null
    and altered.reason in ('sum_unreadable', 'sum_in_another_currency')
group by altered.source, altered.id
