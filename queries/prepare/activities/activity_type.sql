-- grain: one row per number and per name of an activity type of config/activity_types.csv
select
    decision.activity_type_id as key,
    decision.activity_type,
    decision.task_subtype,
    decision.subject
from config.activity_types as decision
where decision.activity_type_id is not null
union all
select
    lower(decision.activity_type),
    decision.activity_type,
    decision.task_subtype,
    decision.subject
from config.activity_types as decision
where decision.activity_type is not null
