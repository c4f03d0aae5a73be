-- grain: one row per e-mail
-- source: usercom.emails
-- object: EmailMessage
-- operation: insert
-- key: usercom_id__c
-- when: $email_strategy = 'email_messages'
-- feature: needs Enhanced Email or Email-to-Case in Setup; without them set email_strategy = "tasks"
select
    concat('email:', e.id) as usercom_id__c,
    coalesce(nullif(trim(e.subject), ''), 'E-mail') as "Subject",
    e.content as "TextBody",
    e.from_email as "FromAddress",
    coalesce(lower(trim(e.direction)), 'outbound') = 'inbound' as "Incoming",
    '5' as "Status",
    coalesce(e.sent_at, e.created_at) as "MessageDate",
    coalesce(e.sent_at, e.created_at) as "CreatedDate",
    coalesce(lower(trim(e.direction)), 'outbound') as usercom_direction__c,
    'email' as usercom_channel__c,
    l.fate as _fate,
    l.reason as _reason,
    l.parent as _parent
from mapped.emails as e
inner join prepare.item_link as l
    on l.kind = 'email' and l.id = e.id
