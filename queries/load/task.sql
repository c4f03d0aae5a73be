-- grain: one row per activity
-- source: usercom.activities
-- object: Task
-- operation: upsert
-- key: usercom_id__c
-- cluster by: WhoId
-- optional: TaskSubtype
select
    concat('activity:', a.id) as usercom_id__c,
    coalesce(nullif(trim(a.name), ''), t.subject, t.activity_type, 'Activity') as "Subject",
    a.description as "Description",
    case when a.done or a.status = 'recently finished' then 'Completed' else 'Not Started' end as "Status",
    case lower(trim(a.priority)) when 'high' then 'High' when 'low' then 'Low' else 'Normal' end as "Priority",
    a.due_on as "ActivityDate",
    t.task_subtype as "TaskSubtype",
    case when t.task_subtype = 'Call' then a.duration * 60 end as "CallDurationInSeconds",
    l.who_id as "WhoId",
    l.what_id as "WhatId",
    o.user_id as "OwnerId",
    a.created_at as "CreatedDate",
    c.user_id as "CreatedById",
    coalesce(t.activity_type, a.activity_type, cast(a.activity_type_id as varchar)) as usercom_type__c,
    a.status as usercom_status__c,
    a.due_at as usercom_due_at__c,
    a.done_at as usercom_done_at__c,
    a.duration as usercom_duration_minutes__c,
    a.push_views as usercom_push_views__c,
    a.chat_duration as usercom_chat_seconds__c,
    a.email_opens as usercom_email_opens__c,
    l.related_to as usercom_related_to__c,
    a.created_at as usercom_created_at__c,
    a.custom,
    l.fate as _fate,
    l.reason as _reason,
    l.parent as _parent,
    concat_ws(
        ';',
        case when l.related_to is not null then 'what_kept_in_field' end,
        case when l.who_id is null and l.what_id is null then 'no_links' end,
        case when t.activity_type is null then 'activity_type_not_mapped' end
    ) as _flags
from mapped.activities as a
inner join prepare.item_link as l
    on l.kind = 'activity' and l.id = a.id
left join prepare.activity_type as t
    on t.key = coalesce(cast(a.activity_type_id as varchar), lower(trim(a.activity_type)))
left join prepare.owner as o
    on o.owner_key = coalesce(cast(a.assigned_to_id as varchar), lower(trim(a.assigned_to_email)), '')
left join prepare.owner as c
    on c.owner_key = coalesce(cast(a.created_by_id as varchar), lower(trim(a.created_by_email)))
