-- grain: one row per EmailMessage with a person
-- source: prepare.loaded_email where who_id is not null
-- object: EmailMessageRelation
-- operation: insert
-- key: EmailMessageId, RelationId, RelationType
-- link: EmailMessageId, RelationId
-- cluster by: EmailMessageId
-- when: $chat_strategy = 'email_messages' or $email_strategy = 'email_messages'
-- feature: needs Enhanced Email in Setup; without it set chat_strategy and email_strategy to "tasks"
select
    email.email_message_id as "EmailMessageId",
    email.who_id as "RelationId",
    case email.direction when 'inbound' then 'FromAddress' else 'ToAddress' end as "RelationType"
from prepare.loaded_email as email
where email.who_id is not null
