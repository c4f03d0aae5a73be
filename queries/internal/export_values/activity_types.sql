-- grain: one row per kind of activity of the export, with the activities of it
select
    cast(activity.activity_type_id as varchar) as activity_type_id,
    max(trim(activity.activity_type)) as activity_type,
    count(*) as rows
from usercom.activities as activity
where activity.activity_type_id is not null or trim(activity.activity_type) <> ''
group by activity.activity_type_id, lower(trim(activity.activity_type))
order by rows desc, activity_type_id, activity_type
