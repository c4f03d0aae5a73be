-- grain: one row per chat message
-- source: usercom.messages
-- object: Task
-- operation: upsert
-- key: usercom_id__c
-- cluster by: WhoId
-- order by: usercom_sent_at__c
-- when: $chat_strategy = 'tasks'
select
    concat('message:', m.id) as usercom_id__c,
    case l.direction
        when 'inbound' then concat('Chat from ', coalesce(m.author_name, 'customer'))
        else concat('Chat by ', coalesce(m.author_name, 'agent'))
    end as "Subject",
    m.content as "Description",
    'Completed' as "Status",
    'Normal' as "Priority",
    m.sent_on as "ActivityDate",
    l.who_id as "WhoId",
    l.owner_user_id as "OwnerId",
    m.sent_at as "CreatedDate",
    l.direction as usercom_direction__c,
    l.channel as usercom_channel__c,
    m.sent_at as usercom_sent_at__c,
    m.conversation_id as usercom_conversation__c,
    l.fate as _fate,
    l.reason as _reason,
    l.parent as _parent
from mapped.messages as m
inner join prepare.message as l
    on l.id = m.id
