-- grain: one row per number and per name of an activity type of config/activity_types.csv
select
    trim(t.activity_type_id) as key,
    t.activity_type,
    t.task_subtype,
    t.subject
from config.activity_types as t
where t.activity_type_id is not null
union all
select
    lower(trim(t.activity_type)),
    t.activity_type,
    t.task_subtype,
    t.subject
from config.activity_types as t
where t.activity_type is not null
