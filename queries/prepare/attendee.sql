-- grain: one row per attendee of an event, as the export names it
with listed as (
    select e.id as event_id, unnest(e.attendees) as attendee
    from usercom.events as e
)

select
    a.event_id,
    lower(trim(a.type)) as type,
    a.person_id,
    a.agent_id,
    a.company_id,
    nullif(lower(trim(a.email)), '') as email,
    lower(trim(a.response)) as response
from usercom.event_attendees as a
union all
select
    l.event_id,
    cast(null as varchar),
    try_cast(l.attendee as bigint),
    cast(null as bigint),
    cast(null as bigint),
    case when try_cast(l.attendee as bigint) is null then lower(trim(l.attendee)) end,
    cast(null as varchar)
from listed as l
