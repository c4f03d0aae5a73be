-- grain: one row per e-mail
-- source: usercom.emails
-- object: Task
-- operation: upsert
-- key: usercom_id__c
-- cluster by: WhoId
-- optional: TaskSubtype
-- when: $email_strategy = 'tasks'
select
    concat('email:', email.id) as usercom_id__c,
    coalesce(nullif(trim(email.subject), ''), 'E-mail') as "Subject",
    email.content as "Description",
    'Completed' as "Status",
    'Normal' as "Priority",
    coalesce(email.sent_on, email.created_on) as "ActivityDate",
    'Email' as "TaskSubtype",
    link.who_id as "WhoId",
    link.what_id as "WhatId",
    owner.user_id as "OwnerId",
    coalesce(email.sent_at, email.created_at) as "CreatedDate",
    coalesce(email.direction_key, 'outbound') as usercom_direction__c,
    'email' as usercom_channel__c,
    coalesce(email.sent_at, email.created_at) as usercom_sent_at__c,
    email.status as usercom_status__c,
    coalesce(
        email.opens, case when email.opened_at is not null then 1 end
    ) as usercom_email_opens__c,
    email.opened_at as usercom_opened_at__c,
    email.clicks as usercom_email_clicks__c,
    email.clicked_at as usercom_clicked_at__c,
    email.unsubscribed_at as usercom_unsubscribed_at__c,
    email.from_email as usercom_from_email__c,
    email.to_email as usercom_to_email__c,
    link.related_to as usercom_related_to__c,
    email.custom,
    cast(null as timestamp) as usercom_deleted_at__c,
    link.fates as _fate,
    case when link.related_to is not null then 'what_kept_in_field' end as _flags
from mapped.emails as email
inner join prepare.item_link as link
    on link.kind = 'email' and link.id = email.id
left join prepare.owner as owner
    on owner.owner_key = email.owner_key
