-- grain: one row per EmailMessage that was loaded: its person
-- key: key
select
    loaded.usercom_id__c as key,
    loaded.id as email_message_id,
    message.who_id,
    message.direction
from ledger.chat_email as loaded
inner join prepare.message as message
    on concat('message:', message.id) = loaded.usercom_id__c
where loaded.id is not null
union all
select
    loaded.usercom_id__c,
    loaded.id,
    link.who_id,
    coalesce(email.direction_key, 'outbound')
from ledger.email_message as loaded
inner join mapped.emails as email
    on concat('email:', email.id) = loaded.usercom_id__c
inner join prepare.item_link as link
    on link.kind = 'email' and link.id = email.id
where loaded.id is not null
