-- grain: one row per line of the field map about the source of the explained record
select
    field_map._place as decided_in,
    field_map.source_field as source_field,
    concat_ws('.', field_map.target_object, field_map.target_field) as target,
    coalesce(field_map.status, 'proposed') as status
from config.field_map as field_map
inner join (
    select distinct load.source from explained.load as load
) as load
    on load.source = field_map.source
order by field_map.source_field, target
