-- grain: one row per e-mail
-- source: usercom.emails
-- object: Task
-- operation: upsert
-- key: usercom_id__c
-- cluster by: WhoId
-- optional: TaskSubtype
-- when: $email_strategy = 'tasks'
select
    concat('email:', e.id) as usercom_id__c,
    coalesce(nullif(trim(e.subject), ''), 'E-mail') as "Subject",
    e.content as "Description",
    'Completed' as "Status",
    'Normal' as "Priority",
    coalesce(e.sent_on, e.created_on) as "ActivityDate",
    'Email' as "TaskSubtype",
    l.who_id as "WhoId",
    o.user_id as "OwnerId",
    coalesce(e.sent_at, e.created_at) as "CreatedDate",
    coalesce(lower(trim(e.direction)), 'outbound') as usercom_direction__c,
    'email' as usercom_channel__c,
    coalesce(e.sent_at, e.created_at) as usercom_sent_at__c,
    e.status as usercom_status__c,
    coalesce(e.opens, case when e.opened_at is not null then 1 end) as usercom_email_opens__c,
    e.opened_at as usercom_opened_at__c,
    e.clicked_at as usercom_clicked_at__c,
    l.fate as _fate,
    l.reason as _reason,
    l.parent as _parent
from mapped.emails as e
inner join prepare.item_link as l
    on l.kind = 'email' and l.id = e.id
left join prepare.owner as o
    on o.owner_key = coalesce(cast(e.assigned_to_id as varchar), lower(trim(e.assigned_to_email)), '')
