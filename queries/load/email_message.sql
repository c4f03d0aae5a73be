-- grain: one row per e-mail
-- source: usercom.emails
-- object: EmailMessage
-- operation: insert
-- key: usercom_id__c
-- when: $email_strategy = 'email_messages'
-- field: usercom_owner__c Lookup(User)
-- feature: needs Enhanced Email or Email-to-Case in Setup; without them set email_strategy = "tasks"
select
    concat('email:', email.id) as usercom_id__c,
    coalesce(nullif(trim(email.subject), ''), 'E-mail') as "Subject",
    email.content as "TextBody",
    email.from_email as "FromAddress",
    email.to_email as "ToAddress",
    coalesce(email.direction_key, 'outbound') = 'inbound' as "Incoming",
    link.what_id as "RelatedToId",
    '5' as "Status",
    coalesce(email.sent_at, email.created_at) as "MessageDate",
    coalesce(email.sent_at, email.created_at) as "CreatedDate",
    coalesce(email.direction_key, 'outbound') as usercom_direction__c,
    'email' as usercom_channel__c,
    email.status as usercom_status__c,
    coalesce(
        email.opens, case when email.opened_at is not null then 1 end
    ) as usercom_email_opens__c,
    email.opened_at as usercom_opened_at__c,
    email.clicks as usercom_email_clicks__c,
    email.clicked_at as usercom_clicked_at__c,
    email.unsubscribed_at as usercom_unsubscribed_at__c,
    owner.user_id as usercom_owner__c,
    link.related_to as usercom_related_to__c,
    email.custom,
    link.fates as _fate,
    case when link.related_to is not null then 'what_kept_in_field' end as _flags
from mapped.emails as email
inner join prepare.item_link as link
    on link.kind = 'email' and link.id = email.id
left join prepare.owner as owner
    on owner.owner_key = email.owner_key
