-- grain: one row per EmailMessage: its final status, once it has its relations
-- source: prepare.loaded_email
-- object: EmailMessage
-- operation: update
-- key: usercom_id__c
-- read: ActivityId
-- when: $chat_strategy = 'email_messages' or $email_strategy = 'email_messages'
select
    email.key as usercom_id__c,
    email.email_message_id as _id,
    case email.direction when 'inbound' then '1' else '3' end as "Status",
    case
        when relation.outcome = 'failed'
            then named_struct(
                'fate', 'held',
                'reason', 'relation_failed',
                'parent', concat('relation to ', email.who_id)
            )
    end as _fate
from prepare.loaded_email as email
left join ledger.email_message_relation as relation
    on relation."EmailMessageId" = email.email_message_id
