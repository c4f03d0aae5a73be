-- grain: one row per decision about the type of the activity that is explained
select
    type._place as decided_in,
    concat_ws(' ', 'type', record.activity_type_id, record.activity_type) as what,
    concat_ws(', ', type.task_subtype, type.subject) as says
from explained.record as record
inner join config.activity_types as type
    on type.activity_type_id = cast(record.activity_type_id as varchar)
    or lower(type.activity_type) = record.activity_type_key
