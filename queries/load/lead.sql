-- grain: one row per person that becomes a Lead, or whose side is not known yet
-- source: usercom.people
-- object: Lead
-- operation: upsert
-- key: usercom_id__c
select
    p.id as usercom_id__c,
    s.first_name as "FirstName",
    coalesce(s.last_name, l.value, 'Unknown') as "LastName",
    coalesce(s.company_name, s.email_domain, c.value, '[not provided]') as "Company",
    s.email as "Email",
    s.phone as "Phone",
    p.city as "City",
    p.region as "State",
    p.country as "Country",
    p.unsubscribed as "HasOptedOutOfEmail",
    s.owner_user_id as "OwnerId",
    p.lifecycle_stage as usercom_original_lifecycle__c,
    s.reason as usercom_split_reason__c,
    p.custom_id as usercom_custom_id__c,
    p.score as usercom_score__c,
    p.created_at as usercom_created_at__c,
    p.last_seen as usercom_last_seen__c,
    p.custom,
    s.fate as _fate,
    case s.fate
        when 'out_of_scope' then 'scope'
        when 'passive' then 'no_email_no_phone'
        when 'held' then s.reason
    end as _reason,
    concat_ws(
        ';',
        s.name_flag,
        case
            when s.company_name is not null then null
            when s.email_domain is not null then 'company_from_email'
            else 'company_from_default'
        end
    ) as _flags
from mapped.people as p
inner join prepare.person as s
    on s.id = p.id
left join config.defaults as l
    on l.object = s.target and l.field = 'LastName'
left join config.defaults as c
    on c.object = s.target and c.field = 'Company'
where s.target = 'Lead'
