-- grain: one row per person whose Lead became a Contact, by us or by sales: the Contact
-- key: person_id
select
    lead.usercom_id__c as person_id,
    coalesce(conversion.id, case when lead.live = 'converted' then lead.successor end) as id
from ledger.lead as lead
left join ledger.lead_conversion as conversion
    on conversion.usercom_id__c = lead.usercom_id__c
where conversion.id is not null or lead.live = 'converted'
