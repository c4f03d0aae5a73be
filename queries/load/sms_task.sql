-- grain: one row per SMS
-- source: usercom.sms
-- object: Task
-- operation: upsert
-- key: usercom_id__c
-- cluster by: WhoId
select
    concat('sms:', sms.id) as usercom_id__c,
    'SMS' as "Subject",
    sms.content as "Description",
    'Completed' as "Status",
    'Normal' as "Priority",
    coalesce(sms.sent_on, sms.created_on) as "ActivityDate",
    link.who_id as "WhoId",
    link.what_id as "WhatId",
    owner.user_id as "OwnerId",
    coalesce(sms.sent_at, sms.created_at) as "CreatedDate",
    coalesce(sms.direction_key, 'outbound') as usercom_direction__c,
    'sms' as usercom_channel__c,
    coalesce(sms.sent_at, sms.created_at) as usercom_sent_at__c,
    sms.status as usercom_status__c,
    sms.phone_number as usercom_phone__c,
    link.related_to as usercom_related_to__c,
    sms.custom,
    cast(null as timestamp) as usercom_deleted_at__c,
    link.fates as _fate,
    case when link.related_to is not null then 'what_kept_in_field' end as _flags
from mapped.sms as sms
inner join prepare.item_link as link
    on link.kind = 'sms' and link.id = sms.id
left join prepare.owner as owner
    on owner.owner_key = sms.owner_key
