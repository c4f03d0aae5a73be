-- grain: one row per automation and trigger: what the export has of what would start it
-- A tag, list, stage or event is counted by the name that the automation watches; without a name
-- every record of the kind is. Logs of what really ran are kept for 30 days in User.com alone.
with started as (
    select distinct step.automation, step.watches, step.trigger
    from config.automation_steps as step
),

watched as (
    select
        started.automation,
        started.trigger,
        rule.evidence,
        lower(trim(unnest(string_to_array(coalesce(started.watches, '*'), '|')))) as name
    from started
    left join (
        select distinct lower(counterpart.trigger) as trigger, counterpart.evidence
        from config.automation_counterparts as counterpart
        where counterpart.evidence is not null
    ) as rule
        on rule.trigger = lower(started.trigger)
),

marks as (
    select unnest(person.tags) as name, person.updated_at as at
    from usercom.people as person
    union all
    select unnest(deal.tags), deal.updated_at
    from usercom.deals as deal
    union all
    select unnest(company.tags), company.updated_at
    from usercom.companies as company
),

memberships as (
    select unnest(person.lists) as name, person.updated_at as at
    from usercom.people as person
),

happened as (
    select 'tags' as evidence, marks.name, marks.at
    from marks
    union all
    select 'lists', memberships.name, memberships.at
    from memberships
    union all
    select 'events', event.name, event.start_at
    from usercom.events as event
    union all
    select 'stage_changes', coalesce(stage.name, change.stage_name), change.entered_at
    from usercom.stage_changes as change
    left join usercom.stages as stage
        on stage.id = change.stage_id
    union all
    select 'activities', activity.name, activity.created_at
    from usercom.activities as activity
    union all
    select 'deals', '', deal.created_at
    from usercom.deals as deal
    union all
    select 'people', '', person.created_at
    from usercom.people as person
    union all
    select 'companies', '', company.created_at
    from usercom.companies as company
    union all
    select 'notes', '', note.created_at
    from usercom.notes as note
    union all
    select 'emails', email.subject, email.sent_at
    from usercom.emails as email
    union all
    select 'sms', '', text.sent_at
    from usercom.sms as text
    union all
    select 'conversations', '', conversation.created_at
    from usercom.conversations as conversation
    union all
    select 'messages', '', message.sent_at
    from usercom.messages as message
),

counted as (
    select
        happened.evidence,
        lower(trim(happened.name)) as name,
        count(*) as records,
        max(happened.at) as latest
    from happened
    group by happened.evidence, lower(trim(happened.name))
)

select
    watched.automation,
    watched.trigger,
    coalesce(watched.evidence, 'nothing: no rule says where it would show') as seen_in,
    case
        when watched.evidence is null then null
        when watched.name = '*' then 'every record'
        when max(counted.name) = '' then concat('every record; none has the name ', watched.name)
        else watched.name
    end as counted,
    coalesce(sum(counted.records), 0) as records,
    to_char(max(counted.latest), '%Y-%m-%d') as latest
from watched
left join counted
    on counted.evidence = watched.evidence
    and (counted.name = watched.name or watched.name = '*' or counted.name = '')
group by watched.automation, watched.trigger, watched.evidence, watched.name
order by watched.automation, watched.trigger, seen_in, counted
