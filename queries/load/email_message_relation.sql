-- grain: one row per EmailMessage with a person
-- object: EmailMessageRelation
-- operation: insert
-- key: EmailMessageId, RelationId, RelationType
-- cluster by: EmailMessageId
-- when: $chat_strategy = 'email_messages' or $email_strategy = 'email_messages'
-- feature: needs Enhanced Email in Setup; without it set chat_strategy and email_strategy to "tasks"
select
    m.email_message_id as "EmailMessageId",
    m.who_id as "RelationId",
    case m.direction when 'inbound' then 'FromAddress' else 'ToAddress' end as "RelationType"
from prepare.mail as m
where m.who_id is not null
