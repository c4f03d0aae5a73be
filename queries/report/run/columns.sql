-- grain: one row per column of the export and the field that it reaches
select
    field.source,
    field."column",
    field.fate,
    field.load,
    field.field,
    field.rows_with_value,
    field.rows_arrived
from recon.columns as field
order by field.source, field."column", field.load, field.field
