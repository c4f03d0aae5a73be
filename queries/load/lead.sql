-- grain: one row per person that becomes a Lead, or whose side is not known yet
-- source: usercom.people
-- object: Lead
-- operation: upsert
-- key: usercom_id__c
-- optional: CountryCode
-- field: usercom_tags__c MultiselectPicklist from prepare.tag.name when $tag_strategy = 'picklist'
-- field: usercom_segments__c MultiselectPicklist from prepare.segment.name when $segment_strategy = 'static_list'
select
    p.id as usercom_id__c,
    s.first_name as "FirstName",
    coalesce(s.last_name, l.value, 'Unknown') as "LastName",
    coalesce(s.company_name, s.email_domain, c.value, '[not provided]') as "Company",
    s.email as "Email",
    s.phone as "Phone",
    p.city as "City",
    case when not coalesce(x.takes_codes, false) then p.region end as "State",
    case when not coalesce(x.takes_codes, false) then p.country end as "Country",
    y.code as "CountryCode",
    p.unsubscribed as "HasOptedOutOfEmail",
    s.owner_user_id as "OwnerId",
    p.lifecycle_stage as usercom_original_lifecycle__c,
    s.reason as usercom_split_reason__c,
    p.custom_id as usercom_custom_id__c,
    case when x.takes_codes and y.code is null then p.country end as usercom_country__c,
    case when x.takes_codes then p.region end as usercom_region__c,
    p.score as usercom_score__c,
    p.created_at as usercom_created_at__c,
    p.last_seen as usercom_last_seen__c,
    t.tags as usercom_tags__c,
    g.segments as usercom_segments__c,
    p.created_at as "CreatedDate",
    p.custom,
    m.salesforce_id as _id,
    case
        when s.fate is not null then s.fate
        when m.reason is not null then 'held'
    end as _fate,
    case
        when s.fate = 'out_of_scope' then 'scope'
        when s.fate = 'passive' then 'no_email_no_phone'
        when s.fate = 'held' then s.reason
        else m.reason
    end as _reason,
    case when s.fate is null and m.reason is not null then m.records end as _parent,
    s.fate is null as _until_known,
    concat_ws(
        ';',
        case when s.name_flag is not null then 'LastName' end,
        case when s.company_name is null then 'Company' end,
        case when not p.unsubscribed then 'HasOptedOutOfEmail' end,
        case when s.owner_key = '' then 'OwnerId' end
    ) as _fallbacks,
    concat_ws(
        ';',
        m.flag,
        case when not coalesce(m.same, false) then s.name_flag end,
        case
            when s.company_name is not null or m.same then null
            when s.email_domain is not null then 'company_from_email'
            else 'company_from_default'
        end
    ) as _flags
from mapped.people as p
inner join prepare.person as s
    on s.id = p.id
left join prepare.address_style as x
    on x.object = 'Lead'
left join prepare.country as y
    on y.name = lower(trim(p.country)) and x.takes_codes
left join prepare.tags_of as t
    on t.kind = 'person' and t.id = p.id
left join prepare.segments_of as g
    on g.person_id = p.id
left join prepare.match as m
    on m.target = 'Lead' and m.id = p.id
left join config.defaults as l
    on l.object = s.target and l.field = 'LastName'
left join config.defaults as c
    on c.object = s.target and c.field = 'Company'
where s.target = 'Lead'
