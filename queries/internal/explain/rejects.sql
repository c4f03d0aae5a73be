-- grain: one row per finding about the lines of the export that are explained
-- rejects.this_source is the table of one source; `is_asked` stands for its lines.
select
    rejected.file,
    rejected.row,
    rejected."column",
    left(rejected.value, 200) as value,
    rejected.reason,
    rejected.detail
from rejects.this_source as rejected
where rejected.is_asked
order by rejected.file, rejected.row
