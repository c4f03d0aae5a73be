-- grain: one row per EmailMessage: its final status, once it has its relations
-- object: EmailMessage
-- operation: update
-- key: usercom_id__c
-- read: ActivityId
-- when: $chat_strategy = 'email_messages' or $email_strategy = 'email_messages'
select
    m.key as usercom_id__c,
    m.email_message_id as _id,
    case m.direction when 'inbound' then '1' else '3' end as "Status",
    case when r.outcome = 'failed' then 'held' end as _fate,
    case when r.outcome = 'failed' then 'relation_failed' end as _reason,
    case when r.outcome = 'failed' then concat('relation to ', m.who_id) end as _parent
from prepare.mail as m
left join ledger.email_message_relation as r
    on r."EmailMessageId" = m.email_message_id
