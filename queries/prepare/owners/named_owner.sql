-- grain: one row per owner and table that names it
select
    'people' as named_by,
    person.owner_key,
    max(person.assigned_to_id) as owner_id,
    max(person.assigned_to_email_key) as owner_email,
    count(*) as records
from mapped.people as person
group by person.owner_key
union all
select
    'companies',
    company.owner_key,
    max(company.assigned_to_id),
    max(company.assigned_to_email_key),
    count(*)
from mapped.companies as company
group by company.owner_key
union all
select
    'deals',
    deal.owner_key,
    max(deal.assigned_to_id),
    max(deal.assigned_to_email_key),
    count(*)
from mapped.deals as deal
group by deal.owner_key
union all
select
    'activities',
    activity.owner_key,
    max(activity.assigned_to_id),
    max(activity.assigned_to_email_key),
    count(*)
from mapped.activities as activity
group by activity.owner_key
union all
select
    'events',
    event.owner_key,
    max(event.assigned_to_id),
    max(event.assigned_to_email_key),
    count(*)
from mapped.events as event
group by event.owner_key
union all
select
    'conversations',
    conversation.owner_key,
    max(conversation.assigned_to_id),
    max(conversation.assigned_to_email_key),
    count(*)
from mapped.conversations as conversation
group by conversation.owner_key
union all
select
    'emails',
    email.owner_key,
    max(email.assigned_to_id),
    max(email.assigned_to_email_key),
    count(*)
from mapped.emails as email
group by email.owner_key
union all
select
    'sms',
    sms.owner_key,
    max(sms.assigned_to_id),
    max(sms.assigned_to_email_key),
    count(*)
from mapped.sms as sms
group by sms.owner_key
union all
select
    'teams',
    cast(team.agent_id as varchar),
    max(team.agent_id),
    cast(null as varchar),
    count(*)
from prepare.team as team
group by cast(team.agent_id as varchar)
