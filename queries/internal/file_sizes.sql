-- grain: one row per file of the export that records are made of, with its bytes
select
    stored.stored_path,
    max(stored.stored_size) as size
from usercom.files as stored
group by stored.stored_path
