-- grain: one row per staged record with a cell that could not be read as it stands
-- key: source, id
select
    altered.source,
    altered.id,
    string_agg(distinct altered.reason, ';' order by altered.reason) as flags
from staged.altered as altered
where altered.id is not null
    and altered.reason not in ('unwrapped', 'address_in_text', 'invisible_letters')
group by altered.source, altered.id
