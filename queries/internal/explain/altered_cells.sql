-- grain: one row per cell of the explained record that was read otherwise than it stands
-- `is_asked` stands for the record.
select
    altered.file,
    altered.row,
    altered."column",
    left(altered.value, 200) as value,
    altered.reason,
    altered.done
from staged.altered as altered
where altered.is_asked
order by altered.file, altered.row
