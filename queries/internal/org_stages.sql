-- grain: one row per stage of Opportunities that the org has
select stage.name
from (
    select unnest(field.picklist_values) as name
    from org.fields as field
    where field.object = 'Opportunity' and field.name = 'StageName'
) as stage
