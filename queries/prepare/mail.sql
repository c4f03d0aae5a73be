-- grain: one row per EmailMessage that was loaded: its person
-- key: key
select
    k.usercom_id__c as key,
    k.id as email_message_id,
    m.who_id,
    m.direction
from ledger.chat_email as k
inner join prepare.message as m
    on concat('message:', m.id) = k.usercom_id__c
where k.id is not null
union all
select
    k.usercom_id__c,
    k.id,
    l.who_id,
    coalesce(lower(trim(e.direction)), 'outbound')
from ledger.email_message as k
inner join usercom.emails as e
    on concat('email:', e.id) = k.usercom_id__c
inner join prepare.item_link as l
    on l.kind = 'email' and l.id = e.id
where k.id is not null
