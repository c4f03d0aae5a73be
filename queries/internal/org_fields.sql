-- grain: one row per field of the objects that loads send to, as the org described them last
select
    field.object,
    field.name,
    field.type,
    case when field.createable then 'yes' else 'no' end as createable
from org.fields as field
