-- grain: one row per chat message
-- source: usercom.messages
-- object: Task
-- operation: upsert
-- key: usercom_id__c
-- cluster by: WhoId
-- order by: usercom_sent_at__c
-- when: $chat_strategy = 'tasks'
select
    concat('message:', message.id) as usercom_id__c,
    case link.direction
        when 'inbound' then concat('Chat from ', coalesce(message.author_name, 'customer'))
        else concat('Chat by ', coalesce(message.author_name, 'agent'))
    end as "Subject",
    message.content as "Description",
    'Completed' as "Status",
    'Normal' as "Priority",
    message.sent_on as "ActivityDate",
    link.who_id as "WhoId",
    link.owner_user_id as "OwnerId",
    message.sent_at as "CreatedDate",
    link.direction as usercom_direction__c,
    link.channel as usercom_channel__c,
    message.sent_at as usercom_sent_at__c,
    message.conversation_id as usercom_conversation__c,
    message.author_name as usercom_author_name__c,
    message.author_email as usercom_author_email__c,
    message.custom,
    conversation.custom as conversation_custom,
    cast(null as timestamp) as usercom_deleted_at__c,
    link.fates as _fate
from mapped.messages as message
inner join prepare.message as link
    on link.id = message.id
left join mapped.conversations as conversation
    on conversation.id = message.conversation_id
