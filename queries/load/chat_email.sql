-- grain: one row per chat message
-- source: usercom.messages
-- object: EmailMessage
-- operation: insert
-- key: usercom_id__c
-- order by: MessageDate
-- when: $chat_strategy = 'email_messages'
-- feature: needs Enhanced Email or Email-to-Case in Setup; without them set chat_strategy = "tasks"
select
    concat('message:', m.id) as usercom_id__c,
    concat('Conversation ', m.conversation_id) as "Subject",
    m.content as "TextBody",
    m.author_name as "FromName",
    m.author_email as "FromAddress",
    l.direction = 'inbound' as "Incoming",
    '5' as "Status",
    m.sent_at as "MessageDate",
    m.sent_at as "CreatedDate",
    l.direction as usercom_direction__c,
    l.channel as usercom_channel__c,
    m.conversation_id as usercom_conversation__c,
    l.fate as _fate,
    l.reason as _reason,
    l.parent as _parent
from mapped.messages as m
inner join prepare.message as l
    on l.id = m.id
