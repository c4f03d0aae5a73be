-- grain: one row per activity
-- source: usercom.activities
-- object: Task
-- operation: upsert
-- key: usercom_id__c
-- cluster by: WhoId
-- optional: TaskSubtype
select
    concat('activity:', activity.id) as usercom_id__c,
    coalesce(
        nullif(trim(activity.name), ''), kind.subject, kind.activity_type, 'Activity'
    ) as "Subject",
    activity.description as "Description",
    case
        when activity.done or activity.status = 'recently finished' then 'Completed'
        else 'Not Started'
    end as "Status",
    case activity.priority_key
        when 'high' then 'High'
        when 'low' then 'Low'
        else 'Normal'
    end as "Priority",
    activity.due_on as "ActivityDate",
    kind.task_subtype as "TaskSubtype",
    case when kind.task_subtype = 'Call' then activity.duration * 60 end as "CallDurationInSeconds",
    link.who_id as "WhoId",
    link.what_id as "WhatId",
    owner.user_id as "OwnerId",
    activity.created_at as "CreatedDate",
    creator.user_id as "CreatedById",
    coalesce(
        kind.activity_type, activity.activity_type, cast(activity.activity_type_id as varchar)
    ) as usercom_type__c,
    activity.status as usercom_status__c,
    activity.due_at as usercom_due_at__c,
    activity.done_at as usercom_done_at__c,
    activity.duration as usercom_duration_minutes__c,
    activity.push_views as usercom_push_views__c,
    activity.chat_duration as usercom_chat_seconds__c,
    activity.email_opens as usercom_email_opens__c,
    link.related_to as usercom_related_to__c,
    activity.custom_id as usercom_custom_id__c,
    activity.created_at as usercom_created_at__c,
    coalesce(
        activity.created_by_email, author.email, cast(activity.created_by_id as varchar)
    ) as usercom_created_by__c,
    activity.custom,
    cast(null as timestamp) as usercom_deleted_at__c,
    link.fates as _fate,
    concat_ws(
        ';',
        case when link.related_to is not null then 'what_kept_in_field' end,
        case when link.who_id is null and link.what_id is null then 'no_links' end,
        case when kind.activity_type is null then 'activity_type_not_mapped' end
    ) as _flags
from mapped.activities as activity
inner join prepare.item_link as link
    on link.kind = 'activity' and link.id = activity.id
left join prepare.activity_type as kind
    on kind.key = coalesce(cast(activity.activity_type_id as varchar), activity.activity_type_key)
left join prepare.owner as owner
    on owner.owner_key = activity.owner_key
left join prepare.owner as creator
    on creator.owner_key = activity.created_by_key
left join mapped.agents as author
    on author.id = activity.created_by_id
