-- grain: one row per company
-- source: usercom.companies
-- object: Account
-- operation: upsert
-- key: usercom_id__c
select
    c.id as usercom_id__c,
    coalesce(nullif(trim(c.name), ''), nullif(trim(c.domain), ''), d.value, 'Unnamed company') as "Name",
    nullif(trim(c.domain), '') as "Website",
    c.phone_numbers[1] as "Phone",
    c.address as "BillingStreet",
    c.city as "BillingCity",
    c.region as "BillingState",
    c.postal_code as "BillingPostalCode",
    c.country as "BillingCountry",
    c.description as "Description",
    c.category as "Industry",
    c.size as "NumberOfEmployees",
    o.user_id as "OwnerId",
    c.custom_id as usercom_custom_id__c,
    c.email as usercom_email__c,
    c.created_at as usercom_created_at__c,
    c.custom,
    case when not c.in_scope then 'out_of_scope' end as _fate,
    case when not c.in_scope then 'scope' end as _reason,
    concat_ws(
        ';',
        case
            when p.company_id is null then 'no_people'
            when p.contacts = 0 then 'leads_only'
        end,
        case when coalesce(trim(c.name), '') = '' then 'name_from_default' end
    ) as _flags
from mapped.companies as c
left join prepare.company_people as p
    on p.company_id = c.id
left join prepare.owner as o
    on o.owner_key = coalesce(cast(c.assigned_to_id as varchar), lower(trim(c.assigned_to_email)), '')
left join config.defaults as d
    on d.object = 'Account' and d.field = 'Name'
