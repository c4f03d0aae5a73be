-- grain: one row per file in blobs/ that no row of the export's files names
-- severity: warn
-- hint: these files stay behind: give each a row in files.csv with its path, or take it out of blobs/
select
    blob.file,
    blob.size
from staged.blobs as blob
left join usercom.files as file
    on file.stored_path = blob.file
where file.id is null
    and $files
