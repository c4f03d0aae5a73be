-- grain: one row per SMS
-- source: usercom.sms
-- object: Task
-- operation: upsert
-- key: usercom_id__c
-- cluster by: WhoId
select
    concat('sms:', s.id) as usercom_id__c,
    'SMS' as "Subject",
    s.content as "Description",
    'Completed' as "Status",
    'Normal' as "Priority",
    coalesce(s.sent_on, s.created_on) as "ActivityDate",
    l.who_id as "WhoId",
    o.user_id as "OwnerId",
    coalesce(s.sent_at, s.created_at) as "CreatedDate",
    coalesce(lower(trim(s.direction)), 'outbound') as usercom_direction__c,
    'sms' as usercom_channel__c,
    coalesce(s.sent_at, s.created_at) as usercom_sent_at__c,
    s.status as usercom_status__c,
    s.phone_number as usercom_phone__c,
    l.fate as _fate,
    l.reason as _reason,
    l.parent as _parent
from mapped.sms as s
inner join prepare.item_link as l
    on l.kind = 'sms' and l.id = s.id
left join prepare.owner as o
    on o.owner_key = coalesce(cast(s.assigned_to_id as varchar), lower(trim(s.assigned_to_email)), '')
