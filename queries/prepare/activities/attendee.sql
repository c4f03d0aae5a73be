-- grain: one row per attendee of an event, as the export names it
with listed as (
    select event.id as event_id, lower(trim(unnest(event.attendees))) as attendee
    from usercom.events as event
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
