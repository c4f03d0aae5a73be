-- grain: one row per owner and table that names it
with named as (
    select
        'people' as named_by,
        person.owner_key,
        person.assigned_to_id as owner_id,
        person.assigned_to_email_key as owner_email
    from mapped.people as person
    union all
    select
        'companies',
        company.owner_key,
        company.assigned_to_id,
        company.assigned_to_email_key
    from mapped.companies as company
    union all
    select
        'deals',
        deal.owner_key,
        deal.assigned_to_id,
        deal.assigned_to_email_key
    from mapped.deals as deal
    union all
    select
        'activities',
        activity.owner_key,
        activity.assigned_to_id,
        activity.assigned_to_email_key
    from mapped.activities as activity
    union all
    select
        'events',
        event.owner_key,
        event.assigned_to_id,
        event.assigned_to_email_key
    from mapped.events as event
    union all
    select
        'conversations',
        conversation.owner_key,
        conversation.assigned_to_id,
        conversation.assigned_to_email_key
    from mapped.conversations as conversation
    union all
    select
        'emails',
        email.owner_key,
        email.assigned_to_id,
        email.assigned_to_email_key
    from mapped.emails as email
    union all
    select
        'sms',
        sms.owner_key,
        sms.assigned_to_id,
        sms.assigned_to_email_key
    from mapped.sms as sms
    union all
    select owned.named_by, owned.owner_key, owned.owner_id, owned.owner_email
    from prepare.custom_object_owner as owned
    union all
    select 'teams', coalesce(cast(team.agent_id as varchar), ''), team.agent_id, null
    from prepare.team as team
    union all
    select 'attendees', cast(attendee.agent_id as varchar), attendee.agent_id, null
    from prepare.attendee as attendee
    inner join config.owners as decision
        on decision.owner_id = cast(attendee.agent_id as varchar)
)

select
    named.named_by,
    named.owner_key,
    max(named.owner_id) as owner_id,
    max(named.owner_email) as owner_email,
    count(*) as records
from named
group by named.named_by, named.owner_key
