-- grain: one row per calendar event
-- source: usercom.events
-- object: Event
-- operation: upsert
-- key: usercom_id__c
-- cluster by: WhoId
select
    concat('event:', e.id) as usercom_id__c,
    coalesce(nullif(trim(e.name), ''), 'Event') as "Subject",
    e.description as "Description",
    e.location as "Location",
    t.all_day as "IsAllDayEvent",
    case when not t.all_day then t.start_at end as "StartDateTime",
    case when not t.all_day then coalesce(t.end_at, t.start_at) end as "EndDateTime",
    case when t.all_day then e.start_on end as "ActivityDate",
    case when t.all_day then 1440 * (1 + coalesce(e.end_on - e.start_on, 0)) end as "DurationInMinutes",
    l.who_id as "WhoId",
    l.what_id as "WhatId",
    o.user_id as "OwnerId",
    e.created_at as "CreatedDate",
    c.user_id as "CreatedById",
    l.related_to as usercom_related_to__c,
    e.created_at as usercom_created_at__c,
    case
        when l.fate is not null then l.fate
        when e.start_at is null then 'held'
    end as _fate,
    coalesce(l.reason, case when e.start_at is null then 'event_without_start' end) as _reason,
    l.parent as _parent,
    concat_ws(
        ';',
        case when l.related_to is not null then 'what_kept_in_field' end,
        case when t.ends_before_start then 'end_before_start' end,
        case when not t.all_day and t.end_at is null then 'end_from_start' end
    ) as _flags
from mapped.events as e
inner join prepare.event as t
    on t.id = e.id
inner join prepare.item_link as l
    on l.kind = 'event' and l.id = e.id
left join prepare.owner as o
    on o.owner_key = coalesce(cast(e.assigned_to_id as varchar), lower(trim(e.assigned_to_email)), '')
left join prepare.owner as c
    on c.owner_key = coalesce(cast(e.created_by_id as varchar), lower(trim(e.created_by_email)))
