-- grain: one row per company
-- source: usercom.companies
-- object: Account
-- operation: upsert
-- key: usercom_id__c
-- optional: BillingCountryCode, BillingStateCode
-- field: usercom_tags__c MultiselectPicklist from prepare.tag_vocabulary.name when $tag_strategy = 'picklist'
select
    company.id as usercom_id__c,
    coalesce(
        nullif(trim(company.name), ''),
        case when free_mail.domain is null then nullif(trim(company.domain), '') end,
        fallback.value,
        'Unnamed company'
    ) as "Name",
    nullif(trim(company.domain), '') as "Website",
    company.phone_numbers[1] as "Phone",
    company.address as "BillingStreet",
    company.city as "BillingCity",
    case when not coalesce(style.takes_codes, false) then company.region end as "BillingState",
    company.postal_code as "BillingPostalCode",
    case when not coalesce(style.takes_codes, false) then company.country end as "BillingCountry",
    country.code as "BillingCountryCode",
    state.code as "BillingStateCode",
    company.description as "Description",
    company.category as "Industry",
    company.size as "NumberOfEmployees",
    owner.user_id as "OwnerId",
    company.custom_id as usercom_custom_id__c,
    case
        when style.takes_codes and country.code is null then company.country
    end as usercom_country__c,
    case
        when style.takes_codes and state.code is null then company.region
    end as usercom_region__c,
    company.email as usercom_email__c,
    nullif(
        array_to_string(array_pop_front(company.phone_numbers), '; '), ''
    ) as usercom_other_phones__c,
    company.created_at as usercom_created_at__c,
    tag_list.tags as usercom_tags__c,
    company.created_at as "CreatedDate",
    company.custom,
    matched.salesforce_id as _id,
    cast(null as timestamp) as usercom_deleted_at__c,
    case
        when not company.in_scope
            then named_struct(
                'fate', 'out_of_scope', 'reason', company.scope_reason, 'parent', null
            )
    end as _fate,
    case
        when matched.reason is not null
            then named_struct(
                'fate', 'held', 'reason', matched.reason, 'parent', matched.records
            )
    end as _until_known,
    concat_ws(
        ';',
        case when company.name_key is null then 'Name' end,
        case when owner.owner_key = '' then 'OwnerId' end
    ) as _fallbacks,
    concat_ws(
        ';',
        reading.flags,
        case
            when style.takes_codes and company.country is not null and country.code is null
                then 'country_without_code'
        end,
        case
            when people.company_id is null then 'no_people'
            when people.contacts = 0 then 'leads_only'
        end,
        case
            when company.name_key is null and not coalesce(matched.same, false)
                then 'name_from_default'
        end,
        matched.flag
    ) as _flags
from mapped.companies as company
left join prepare.reading_flag as reading
    on reading.source = 'companies' and reading.id = company.id
left join prepare.company_people as people
    on people.company_id = company.id
left join prepare.owner as owner
    on owner.owner_key = company.owner_key
left join prepare.address_style as style
    on style.object = 'Account'
left join prepare.country as country
    on country.name = company.country_key and style.takes_codes
left join prepare.state as state
    on state.country = country.code and state.name = company.region_key
left join prepare.tag_list as tag_list
    on tag_list.kind = 'company' and tag_list.id = company.id
left join prepare.match_result as matched
    on matched.target = 'Account' and matched.id = company.id
left join prepare.free_mail_domain as free_mail
    on free_mail.domain = company.domain_key
left join config.defaults as fallback
    on fallback.object = 'Account' and fallback.field = 'Name'
