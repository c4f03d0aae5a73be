-- grain: one row per attendee of an event, as the export names it
with item as (
    select event.id as event_id, lower(trim(unnest(event.attendees))) as attendee
    from usercom.events as event
),

-- As in a mail program: the address may stand in brackets behind a name.
listed as (
    select
        item.event_id,
        regexp_replace(
            item.attendee, '^(.*<)?\s*(mailto:)?([^<>\s]+@[^<>\s]+?)\s*>?$', '\3'
        ) as attendee
    from item
)

select
    attendee.event_id,
    attendee.person_id,
    attendee.agent_id,
    attendee.company_id,
    attendee.email_key as email,
    nullif(trim(attendee.name), '') as name,
    attendee.response_key as response
from mapped.event_attendees as attendee
union all
select
    listed.event_id,
    try_cast(listed.attendee as bigint),
    cast(null as bigint),
    cast(null as bigint),
    case when try_cast(listed.attendee as bigint) is null then listed.attendee end,
    cast(null as varchar),
    cast(null as varchar)
from listed
