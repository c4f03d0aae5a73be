-- grain: one row: people of the export who are billable, and the database size that User.com shows
with chatting as (
    select distinct conversation.person_id
    from usercom.conversations as conversation
    where conversation.person_id is not null
),

billable as (
    select count(*) as people
    from usercom.people as person
    left join chatting
        on chatting.person_id = person.id
    where
        trim(person.email) <> ''
        or trim(person.phone_number) <> ''
        or trim(person.custom_id) <> ''
        or trim(person.fcm_key) <> ''
        or person.web_push_subscription
        or chatting.person_id is not null
)

select
    billable.people as billable_in_the_export,
    $database_size as shown_by_the_application,
    $database_size - billable.people as difference
from billable
