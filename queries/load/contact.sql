-- grain: one row per person that becomes a Contact
-- source: usercom.people
-- object: Contact
-- operation: upsert
-- key: usercom_id__c
-- optional: Suffix, MailingCountryCode, MailingStateCode
-- field: usercom_companies__c LongTextArea
-- field: usercom_tags__c MultiselectPicklist from prepare.tag_vocabulary.name when $tag_strategy = 'picklist'
-- field: usercom_segments__c MultiselectPicklist from prepare.segment.name when $segment_strategy = 'static_list'
-- field: usercom_notifications__c Picklist from prepare.yes_no.value
-- field: usercom_web_push__c Picklist from prepare.yes_no.value
-- cluster by: AccountId
select
    person.id as usercom_id__c,
    contact.account_id as "AccountId",
    contact.salutation as "Salutation",
    contact.first_name as "FirstName",
    coalesce(contact.last_name, fallback.value, 'Unknown') as "LastName",
    contact.suffix as "Suffix",
    contact.whole_name as usercom_name__c,
    contact.email as "Email",
    contact.phone as "Phone",
    person.city as "MailingCity",
    case when not coalesce(style.takes_codes, false) then person.region end as "MailingState",
    case when not coalesce(style.takes_codes, false) then person.country end as "MailingCountry",
    country.code as "MailingCountryCode",
    state.code as "MailingStateCode",
    -- Whoever opted out as a Lead did so as a Contact beside it.
    case
        when opted_out.id is not null then true else person.unsubscribed
    end as "HasOptedOutOfEmail",
    contact.owner_user_id as "OwnerId",
    person.lifecycle_stage as usercom_original_lifecycle__c,
    contact.reason as usercom_split_reason__c,
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
    coalesce(
        case
            when contact.is_person_account and contact.company_name is not null
                then concat_ws('; ', contact.company_name, further.companies)
        end,
        further.companies
    ) as usercom_companies__c,
    person.created_at as "CreatedDate",
    person.custom,
    contact.salesforce_id as _id,
    cast(null as timestamp) as usercom_deleted_at__c,
    contact.fates as _fate,
    case
        when contact.is_deleted
            then named_struct(
                'fate', 'held',
                'reason', 'deleted_in_salesforce',
                'parent', 'lead ' || contact.lead_id
            )
        when contact.match_reason is not null
            then named_struct(
                'fate', 'held', 'reason', contact.match_reason, 'parent', contact.records
            )
    end as _until_known,
    concat_ws(
        ';',
        case when contact.named_company is null then 'AccountId' end,
        case when contact.name_flag is not null then 'LastName' end,
        case
            when not person.unsubscribed and opted_out.id is null then 'HasOptedOutOfEmail'
        end,
        case when contact.owner_key = '' then 'OwnerId' end
    ) as _fallbacks,
    concat_ws(
        ';',
        reading.flags,
        case
            when style.takes_codes and person.country is not null and country.code is null
                then 'country_without_code'
        end,
        nullif(contact.flags, ''),
        case when further.person_id is not null then 'companies_kept_in_field' end,
        case
            when contact.is_person_account and contact.named_company is not null
                then 'person_account_without_company'
        end,
        contact.match_flag,
        case
            when opted_out.id is not null and person.unsubscribed is distinct from true
                then 'opt_out_of_the_lead'
        end,
        case when not contact.same then contact.name_flag end,
        case
            when contact.named_company is null and not contact.same then 'customer_without_company'
        end
    ) as _flags
from mapped.people as person
inner join prepare.contact as contact
    on contact.id = person.id
left join prepare.reading_flag as reading
    on reading.source = 'people' and reading.id = person.id
left join prepare.address_style as style
    on style.object = 'Contact'
left join prepare.country as country
    on country.name = person.country_key and style.takes_codes
left join prepare.state as state
    on state.country = country.code and state.name = person.region_key
left join prepare.tag_list as tag_list
    on tag_list.kind = 'person' and tag_list.id = person.id
left join prepare.segment_list as segment_list
    on segment_list.person_id = person.id
left join prepare.further_company_list as further
    on further.person_id = person.id
left join org.opted_out_leads as opted_out
    on opted_out.usercom_id__c = cast(person.id as varchar)
left join config.defaults as fallback
    on fallback.object = contact.target and fallback.field = 'LastName'
