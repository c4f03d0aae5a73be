-- grain: one row per object of the export: its files and rows
select
    file.source as object,
    count(*) as files,
    sum(file.rows) as rows,
    sum(file.rejected_rows) as unreadable_rows,
    sum(file.rejected_cells) as unreadable_cells
from staged.files as file
group by file.source
order by rows desc, object
