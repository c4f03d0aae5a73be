-- grain: one row per person that becomes a Contact
-- source: usercom.people
-- object: Contact
-- operation: upsert
-- key: usercom_id__c
-- optional: MailingCountryCode
-- field: usercom_tags__c MultiselectPicklist from prepare.tag.name when $tag_strategy = 'picklist'
-- field: usercom_segments__c MultiselectPicklist from prepare.segment.name when $segment_strategy = 'static_list'
-- cluster by: AccountId
with contact as (
    select
        s.*,
        case
            when s.named_company is not null then a.id
            when $companyless_customers = 'placeholder_account' then h.id
        end as account_id,
        l.id as lead_id,
        coalesce(m.same, false) as same,
        m.salesforce_id,
        m.records,
        m.reason as match_reason,
        m.flag as match_flag,
        case
            when s.fate is not null then s.fate
            when l.id is not null then 'held'
            when s.named_company is not null and a.id is null then 'held'
            when s.named_company is null and $companyless_customers = 'hold' and not coalesce(m.same, false) then 'held'
        end as early_fate
    from prepare.person as s
    left join ledger.account as a
        on a.usercom_id__c = s.company_id
    left join ledger.placeholder_account as h
        on h.usercom_id__c = 'placeholder'
    left join ledger.lead as l
        on l.usercom_id__c = s.id
    left join prepare.match as m
        on m.target = 'Contact' and m.id = s.id
    where s.target = 'Contact'
)

select
    p.id as usercom_id__c,
    c.account_id as "AccountId",
    c.first_name as "FirstName",
    coalesce(c.last_name, d.value, 'Unknown') as "LastName",
    c.email as "Email",
    c.phone as "Phone",
    p.city as "MailingCity",
    case when not coalesce(x.takes_codes, false) then p.region end as "MailingState",
    case when not coalesce(x.takes_codes, false) then p.country end as "MailingCountry",
    y.code as "MailingCountryCode",
    p.unsubscribed as "HasOptedOutOfEmail",
    c.owner_user_id as "OwnerId",
    p.lifecycle_stage as usercom_original_lifecycle__c,
    c.reason as usercom_split_reason__c,
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
    c.salesforce_id as _id,
    case
        when c.early_fate is not null then c.early_fate
        when c.match_reason is not null then 'held'
    end as _fate,
    case
        when c.fate = 'out_of_scope' then 'scope'
        when c.fate = 'passive' then 'no_email_no_phone'
        when c.fate = 'held' then c.reason
        when c.lead_id is not null then 'is_a_lead_already'
        when c.early_fate = 'held' and c.named_company is null then 'customer_without_company'
        when c.early_fate = 'held' then 'account_missing'
        else c.match_reason
    end as _reason,
    case
        when c.fate is not null then null
        when c.lead_id is not null then 'lead ' || c.lead_id
        when c.early_fate = 'held' then 'company ' || c.named_company
        when c.match_reason is not null then c.records
    end as _parent,
    c.early_fate is null as _until_known,
    concat_ws(
        ';',
        case when c.named_company is null then 'AccountId' end,
        case when c.name_flag is not null then 'LastName' end,
        case when not p.unsubscribed then 'HasOptedOutOfEmail' end,
        case when c.owner_key = '' then 'OwnerId' end
    ) as _fallbacks,
    concat_ws(
        ';',
        c.match_flag,
        case when not c.same then c.name_flag end,
        case when c.named_company is null and not c.same then 'customer_without_company' end
    ) as _flags
from mapped.people as p
inner join contact as c
    on c.id = p.id
left join prepare.address_style as x
    on x.object = 'Contact'
left join prepare.country as y
    on y.name = lower(trim(p.country)) and x.takes_codes
left join prepare.tags_of as t
    on t.kind = 'person' and t.id = p.id
left join prepare.segments_of as g
    on g.person_id = p.id
left join config.defaults as d
    on d.object = c.target and d.field = 'LastName'
