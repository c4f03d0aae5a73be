-- grain: one row per conversation
-- source: usercom.conversations
-- object: Case
-- operation: upsert
-- key: usercom_id__c
-- cluster by: ContactId
-- when: $chat_strategy = 'case_comments'
-- feature: needs cases; without them set chat_strategy = "tasks"
select
    concat('conversation:', c.id) as usercom_id__c,
    concat('Conversation ', c.id) as "Subject",
    case when c.active then 'Working' else 'Closed' end as "Status",
    'Chat' as "Origin",
    c.contact_id as "ContactId",
    c.owner_user_id as "OwnerId",
    c.created_at as "CreatedDate",
    case when c.lead_id is not null then concat('lead ', c.lead_id) end as usercom_related_to__c,
    c.fate as _fate,
    c.reason as _reason,
    c.parent as _parent,
    case when c.lead_id is not null then 'lead_kept_in_field' end as _flags
from prepare.conversation as c
