-- grain: one row per combination of what makes a person billable at User.com
-- Chat and device are known by what the export has of them: a chat's people and a messaging key.
with chatting as (
    select distinct conversation.person_id
    from usercom.conversations as conversation
    where conversation.person_id is not null
),

marked as (
    select
        coalesce(trim(person.email) <> '', false) as email,
        coalesce(trim(person.phone_number) <> '', false) as phone,
        coalesce(trim(person.custom_id) <> '', false) as user_id,
        chatting.person_id is not null as chat,
        coalesce(person.web_push_subscription, false) as push,
        coalesce(trim(person.fcm_key) <> '', false) as device
    from usercom.people as person
    left join chatting
        on chatting.person_id = person.id
)

select
    coalesce(
        nullif(
            concat_ws(
                ' + ',
                case when marked.email then 'e-mail' end,
                case when marked.phone then 'phone' end,
                case when marked.user_id then 'user id' end,
                case when marked.chat then 'chat' end,
                case when marked.push then 'web push' end,
                case when marked.device then 'device key' end
            ),
            ''
        ),
        'nothing: not billable'
    ) as what_makes_billable,
    count(*) as people
from marked
group by
    marked.email, marked.phone, marked.user_id, marked.chat, marked.push, marked.device
order by people desc, what_makes_billable
