-- grain: one row per kind of person: with or without an address, and what hangs on them
with people as (
    select
        person.id,
        case
            when trim(person.email) <> '' or trim(person.phone_number) <> ''
                then 'with an address'
            else 'passive: neither e-mail nor phone'
        end as kind
    from usercom.people as person
),

hanging as (
    select activity.person_id, 1 as tasks, 0 as memberships, 0 as messages
    from usercom.activities as activity
    union all
    select member.person_id, 0, 1, 0
    from usercom.segment_members as member
    union all
    select conversation.person_id, 0, 0, 1
    from usercom.messages as message
    inner join usercom.conversations as conversation
        on conversation.id = message.conversation_id
),

counted as (
    select
        hanging.person_id,
        sum(hanging.tasks) as tasks,
        sum(hanging.memberships) as memberships,
        sum(hanging.messages) as messages
    from hanging
    where hanging.person_id is not null
    group by hanging.person_id
)

select
    people.kind,
    (
        count(*) + coalesce(sum(counted.tasks), 0) + coalesce(sum(counted.memberships), 0)
        + coalesce(sum(counted.messages), 0)
    ) * 2 as kilobytes_in_salesforce,
    coalesce(sum(counted.tasks), 0) as their_tasks,
    coalesce(sum(counted.memberships), 0) as their_memberships,
    coalesce(sum(counted.messages), 0) as their_messages,
    count(*) as people
from people
left join counted
    on counted.person_id = people.id
group by people.kind
order by people desc
