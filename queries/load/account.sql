-- grain: one row per company
-- source: usercom.companies
-- object: Account
-- operation: upsert
-- key: usercom_id__c
-- optional: BillingCountryCode
-- field: usercom_tags__c MultiselectPicklist from prepare.tag.name when $tag_strategy = 'picklist'
select
    c.id as usercom_id__c,
    coalesce(nullif(trim(c.name), ''), nullif(trim(c.domain), ''), d.value, 'Unnamed company') as "Name",
    nullif(trim(c.domain), '') as "Website",
    c.phone_numbers[1] as "Phone",
    c.address as "BillingStreet",
    c.city as "BillingCity",
    case when not coalesce(x.takes_codes, false) then c.region end as "BillingState",
    c.postal_code as "BillingPostalCode",
    case when not coalesce(x.takes_codes, false) then c.country end as "BillingCountry",
    y.code as "BillingCountryCode",
    c.description as "Description",
    c.category as "Industry",
    c.size as "NumberOfEmployees",
    o.user_id as "OwnerId",
    c.custom_id as usercom_custom_id__c,
    case when x.takes_codes and y.code is null then c.country end as usercom_country__c,
    case when x.takes_codes then c.region end as usercom_region__c,
    c.email as usercom_email__c,
    c.created_at as usercom_created_at__c,
    t.tags as usercom_tags__c,
    c.created_at as "CreatedDate",
    c.custom,
    m.salesforce_id as _id,
    case
        when not c.in_scope then 'out_of_scope'
        when m.reason is not null then 'held'
    end as _fate,
    case when not c.in_scope then 'scope' else m.reason end as _reason,
    case when c.in_scope and m.reason is not null then m.records end as _parent,
    c.in_scope as _until_known,
    concat_ws(
        ';',
        case when coalesce(trim(c.name), '') = '' then 'Name' end,
        case when o.owner_key = '' then 'OwnerId' end
    ) as _fallbacks,
    concat_ws(
        ';',
        case
            when p.company_id is null then 'no_people'
            when p.contacts = 0 then 'leads_only'
        end,
        case when coalesce(trim(c.name), '') = '' and not coalesce(m.same, false) then 'name_from_default' end,
        m.flag
    ) as _flags
from mapped.companies as c
left join prepare.company_people as p
    on p.company_id = c.id
left join prepare.owner as o
    on o.owner_key = coalesce(cast(c.assigned_to_id as varchar), lower(trim(c.assigned_to_email)), '')
left join prepare.address_style as x
    on x.object = 'Account'
left join prepare.country as y
    on y.name = lower(trim(c.country)) and x.takes_codes
left join prepare.tags_of as t
    on t.kind = 'company' and t.id = c.id
left join prepare.match as m
    on m.target = 'Account' and m.id = c.id
left join config.defaults as d
    on d.object = 'Account' and d.field = 'Name'
