-- grain: one row per person that becomes a Lead, or whose side is not known yet
-- source: usercom.people
-- object: Lead
-- operation: upsert
-- key: usercom_id__c
-- optional: Suffix, CountryCode, StateCode
-- field: usercom_companies__c LongTextArea
-- field: usercom_tags__c MultiselectPicklist from prepare.tag_vocabulary.name when $tag_strategy = 'picklist'
-- field: usercom_segments__c MultiselectPicklist from prepare.segment.name when $segment_strategy = 'static_list'
-- field: usercom_notifications__c Picklist from prepare.yes_no.value
-- field: usercom_web_push__c Picklist from prepare.yes_no.value
select
    person.id as usercom_id__c,
    lead.salutation as "Salutation",
    lead.first_name as "FirstName",
    coalesce(lead.last_name, last_name.value, 'Unknown') as "LastName",
    coalesce(
        lead.company_name, lead.email_domain, company.value, '[not provided]'
    ) as "Company",
    lead.suffix as "Suffix",
    lead.whole_name as usercom_name__c,
    lead.email as "Email",
    lead.phone as "Phone",
    person.city as "City",
    case when not coalesce(style.takes_codes, false) then person.region end as "State",
    case when not coalesce(style.takes_codes, false) then person.country end as "Country",
    country.code as "CountryCode",
    state.code as "StateCode",
    person.unsubscribed as "HasOptedOutOfEmail",
    lead.owner_user_id as "OwnerId",
    person.lifecycle_stage as usercom_original_lifecycle__c,
    lead.reason as usercom_split_reason__c,
    person.custom_id as usercom_custom_id__c,
    case
        when style.takes_codes and country.code is null then person.country
    end as usercom_country__c,
    case
        when style.takes_codes and state.code is null then person.region
    end as usercom_region__c,
    person.score as usercom_score__c,
    person.created_at as usercom_created_at__c,
    person.last_seen as usercom_last_seen__c,
    person.status as usercom_status__c,
    person.gender as usercom_gender__c,
    person.timezone as usercom_timezone__c,
    person.browser_language as usercom_browser_language__c,
    person.page_views as usercom_page_views__c,
    person.first_seen as usercom_first_seen__c,
    person.last_contacted as usercom_last_contacted__c,
    person.facebook_url as usercom_facebook__c,
    person.linkedin_url as usercom_linkedin__c,
    person.twitter_url as usercom_twitter__c,
    person.google_url as usercom_google__c,
    person.gravatar_url as usercom_gravatar__c,
    case
        when person.notifications then 'Yes' when not person.notifications then 'No'
    end as usercom_notifications__c,
    case
        when person.web_push_subscription then 'Yes'
        when not person.web_push_subscription then 'No'
    end as usercom_web_push__c,
    person.fcm_key as usercom_fcm_key__c,
    person.last_ip as usercom_last_ip__c,
    person.user_key as usercom_user_key__c,
    tag_list.tags as usercom_tags__c,
    segment_list.segments as usercom_segments__c,
    further.companies as usercom_companies__c,
    person.created_at as "CreatedDate",
    person.custom,
    matched.salesforce_id as _id,
    cast(null as timestamp) as usercom_deleted_at__c,
    lead.fate as _fate,
    case
        when matched.reason is not null
            then named_struct(
                'fate', 'held', 'reason', matched.reason, 'parent', matched.records
            )
    end as _until_known,
    concat_ws(
        ';',
        case when lead.name_flag is not null then 'LastName' end,
        case when lead.company_name is null then 'Company' end,
        case when not person.unsubscribed then 'HasOptedOutOfEmail' end,
        case when lead.owner_key = '' then 'OwnerId' end
    ) as _fallbacks,
    concat_ws(
        ';',
        reading.flags,
        case
            when style.takes_codes and person.country is not null and country.code is null
                then 'country_without_code'
        end,
        nullif(lead.flags, ''),
        case when further.person_id is not null then 'companies_kept_in_field' end,
        matched.flag,
        case when not coalesce(matched.same, false) then lead.name_flag end,
        case
            when lead.company_name is not null or matched.same then null
            when lead.email_domain is not null then 'company_from_email'
            else 'company_from_default'
        end
    ) as _flags
from mapped.people as person
inner join prepare.person as lead
    on lead.id = person.id
left join prepare.reading_flag as reading
    on reading.source = 'people' and reading.id = person.id
left join prepare.address_style as style
    on style.object = 'Lead'
left join prepare.country as country
    on country.name = person.country_key and style.takes_codes
left join prepare.state as state
    on state.country = country.code and state.name = person.region_key
left join prepare.tag_list as tag_list
    on tag_list.kind = 'person' and tag_list.id = person.id
left join prepare.segment_list as segment_list
    on segment_list.person_id = person.id
left join prepare.match_result as matched
    on matched.target = 'Lead' and matched.id = person.id
left join prepare.further_company_list as further
    on further.person_id = person.id
left join config.defaults as last_name
    on last_name.object = lead.target and last_name.field = 'LastName'
left join config.defaults as company
    on company.object = lead.target and company.field = 'Company'
where lead.target = 'Lead'
