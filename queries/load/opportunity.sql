-- grain: one row per deal
-- source: usercom.deals
-- object: Opportunity
-- operation: upsert
-- key: usercom_id__c
-- cluster by: AccountId
-- optional: CurrencyIsoCode, RecordTypeId
-- field: usercom_tags__c MultiselectPicklist from prepare.deal_tag.name
-- field: usercom_leads__c LongTextArea
select
    d.id as usercom_id__c,
    a.id as "AccountId",
    coalesce(nullif(trim(d.name), ''), n.value, 'Untitled deal') as "Name",
    s.stage_name as "StageName",
    s.probability as "Probability",
    coalesce(s.close_date, cast(c.value as date)) as "CloseDate",
    s.amount as "Amount",
    s.iso_code as "CurrencyIsoCode",
    s.owner_user_id as "OwnerId",
    case when $record_types then r.id end as "RecordTypeId",
    s.pipeline as usercom_pipeline__c,
    s.stage as usercom_stage__c,
    d.status as usercom_status__c,
    d.value as usercom_value__c,
    d.currency as usercom_currency__c,
    d.loss_reason as usercom_loss_reason__c,
    d.loss_reason_description as usercom_loss_description__c,
    d.custom_id as usercom_custom_id__c,
    d.created_at as usercom_created_at__c,
    l.leads as usercom_leads__c,
    t.tags as usercom_tags__c,
    d.created_at as "CreatedDate",
    u.user_id as "CreatedById",
    d.custom,
    case
        when s.fate is not null then s.fate
        when s.named_company is not null and a.id is null then 'held'
        when coalesce(s.close_date, cast(c.value as date)) is null then 'held'
    end as _fate,
    case
        when s.fate is not null then s.reason
        when s.named_company is not null and a.id is null then 'account_missing'
        when coalesce(s.close_date, cast(c.value as date)) is null then 'close_date_missing'
    end as _reason,
    case
        when s.fate is not null then s.parent
        when s.fate is null and s.named_company is not null and a.id is null then 'company ' || s.named_company
    end as _parent,
    concat_ws(
        ';',
        case when coalesce(trim(d.name), '') = '' then 'name_from_default' end,
        case when s.close_date is null then 'close_date_from_default' end,
        case when s.rate <> 1 then 'amount_converted' end,
        case when l.leads is not null then 'leads_kept_in_field' end
    ) as _flags
from mapped.deals as d
inner join prepare.deal as s
    on s.id = d.id
left join ledger.account as a
    on a.usercom_id__c = s.company_id
left join org.record_types as r
    on r.sobject_type = 'Opportunity' and lower(r.name) = lower(left(trim(s.pipeline), 80))
left join prepare.deal_leads as l
    on l.deal_id = d.id
left join prepare.deal_tags as t
    on t.deal_id = d.id
left join prepare.owner as u
    on u.owner_key = cast(d.created_by_id as varchar)
left join config.defaults as n
    on n.object = s.target and n.field = 'Name'
left join config.defaults as c
    on c.object = s.target and c.field = 'CloseDate'
