-- grain: one row per calendar event
-- source: usercom.events
-- object: Event
-- operation: upsert
-- key: usercom_id__c
-- cluster by: WhoId
select
    concat('event:', event.id) as usercom_id__c,
    coalesce(nullif(trim(event.name), ''), 'Event') as "Subject",
    event.description as "Description",
    event.location as "Location",
    timing.all_day as "IsAllDayEvent",
    case when not timing.all_day then timing.start_at end as "StartDateTime",
    case when not timing.all_day then coalesce(timing.end_at, timing.start_at) end as "EndDateTime",
    case when timing.all_day then event.start_on end as "ActivityDate",
    case
        when timing.all_day then 1440 * (1 + coalesce(event.end_on - event.start_on, 0))
    end as "DurationInMinutes",
    link.who_id as "WhoId",
    link.what_id as "WhatId",
    owner.user_id as "OwnerId",
    event.created_at as "CreatedDate",
    creator.user_id as "CreatedById",
    link.related_to as usercom_related_to__c,
    event.custom_id as usercom_custom_id__c,
    event.created_at as usercom_created_at__c,
    coalesce(
        event.created_by_email, author.email, cast(event.created_by_id as varchar)
    ) as usercom_created_by__c,
    event.custom,
    cast(null as timestamp) as usercom_deleted_at__c,
    array_concat(
        link.fates,
        make_array(
            case
                when event.start_at is null
                    then named_struct(
                        'fate', 'held',
                        'reason', case
                            when unread.id is not null then 'start_unreadable'
                            else 'event_without_start'
                        end,
                        'parent', null
                    )
            end
        )
    ) as _fate,
    concat_ws(
        ';',
        case when link.related_to is not null then 'what_kept_in_field' end,
        case when timing.ends_before_start then 'end_before_start' end,
        case when not timing.all_day and timing.end_at is null then 'end_from_start' end
    ) as _flags
from mapped.events as event
inner join prepare.event_time as timing
    on timing.id = event.id
inner join prepare.item_link as link
    on link.kind = 'event' and link.id = event.id
left join prepare.unread_start as unread
    on unread.id = event.id
left join prepare.owner as owner
    on owner.owner_key = event.owner_key
left join prepare.owner as creator
    on creator.owner_key = event.created_by_key
left join mapped.agents as author
    on author.id = event.created_by_id
