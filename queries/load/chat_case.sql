-- grain: one row per conversation
-- source: usercom.conversations
-- object: Case
-- operation: upsert
-- key: usercom_id__c
-- cluster by: ContactId
-- when: $chat_strategy = 'case_comments'
-- feature: needs cases; without them set chat_strategy = "tasks"
select
    concat('conversation:', source.id) as usercom_id__c,
    concat('Conversation ', conversation.id) as "Subject",
    case when conversation.active then 'Working' else 'Closed' end as "Status",
    'Chat' as "Origin",
    conversation.contact_id as "ContactId",
    conversation.owner_user_id as "OwnerId",
    conversation.created_at as "CreatedDate",
    conversation.created_at as usercom_created_at__c,
    conversation.source as usercom_channel__c,
    conversation.message_count as usercom_messages__c,
    case
        when conversation.lead_id is not null then concat('lead ', conversation.lead_id)
    end as usercom_related_to__c,
    source.custom,
    cast(null as timestamp) as usercom_deleted_at__c,
    conversation.fates as _fate,
    case when conversation.lead_id is not null then 'lead_kept_in_field' end as _flags
from prepare.conversation as conversation
inner join mapped.conversations as source
    on source.id = conversation.id
