-- grain: one row per code of a country of an org that has them
select distinct unnest(field.picklist_values) as code
from org.fields as field
where field.name like '%CountryCode'
