-- grain: one row per value of a restricted picklist of the org
select
    lower(field.object || '.' || field.name) as field,
    unnest(field.picklist_values) as value
from org.fields as field
where field.restricted_picklist
