-- grain: one row per object of the export, as it is staged now: source = staged + rejected
select
    books.source as object,
    books.source_rows as source_records,
    books.staged_rows as staged,
    books.rejected_rows as rejected,
    books.source_rows - books.staged_rows - books.rejected_rows as unaccounted,
    books.rejected_cells as cells_not_read
from staged.books as books
order by source_records desc, object
