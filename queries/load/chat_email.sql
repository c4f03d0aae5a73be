-- grain: one row per chat message
-- source: usercom.messages
-- object: EmailMessage
-- operation: insert
-- key: usercom_id__c
-- order by: MessageDate
-- when: $chat_strategy = 'email_messages'
-- feature: needs Enhanced Email or Email-to-Case in Setup; without them set chat_strategy = "tasks"
select
    concat('message:', message.id) as usercom_id__c,
    concat('Conversation ', message.conversation_id) as "Subject",
    message.content as "TextBody",
    message.author_name as "FromName",
    message.author_email as "FromAddress",
    link.direction = 'inbound' as "Incoming",
    '5' as "Status",
    message.sent_at as "MessageDate",
    message.sent_at as "CreatedDate",
    link.direction as usercom_direction__c,
    link.channel as usercom_channel__c,
    message.conversation_id as usercom_conversation__c,
    message.custom,
    conversation.custom as conversation_custom,
    link.fates as _fate
from mapped.messages as message
inner join prepare.message as link
    on link.id = message.id
left join mapped.conversations as conversation
    on conversation.id = message.conversation_id
