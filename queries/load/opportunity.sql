-- grain: one row per deal
-- source: usercom.deals
-- object: Opportunity
-- operation: upsert
-- key: usercom_id__c
-- cluster by: AccountId
-- optional: CurrencyIsoCode, RecordTypeId
-- field: usercom_tags__c MultiselectPicklist from prepare.deal_tag_vocabulary.name
-- field: usercom_leads__c LongTextArea
-- field: usercom_products__c LongTextArea
with dated as (
    -- A date that this export no longer has says nothing: the record keeps the one that it has.
    select
        deal.id,
        loaded.id is not null and export.dates_gone > 0 as keeps_date
    from prepare.deal as deal
    left join known.opportunity as loaded
        on loaded.number = deal.id and loaded.live = 'live'
    cross join (
        select count(*) as dates_gone
        from staged.columns as lost
        where lost.source = 'deals'
            and lost."column" in ('won_at', 'lost_at', 'expected_close_date')
            and lost.gone
    ) as export
),

judged as (
    select
        deal.*,
        account.id as account_id,
        deal.named_company is not null and account.id is null as no_account,
        case
            when deal.company_id is null and shared.name is not null then 'ambiguous_company'
            when company.id is null then 'company_not_in_export'
            else 'account_missing'
        end as account_problem,
        case
            when dated.keeps_date then deal.close_date
            else coalesce(deal.close_date, cast(close_date.value as date))
        end as closes_on,
        dated.keeps_date
    from prepare.deal as deal
    inner join dated
        on dated.id = deal.id
    left join ledger.account as account
        on account.usercom_id__c = deal.company_id
    left join usercom.companies as company
        on company.id = deal.company_id
    left join prepare.shared_company_name as shared
        on shared.name = lower(deal.named_company)
    left join config.defaults as close_date
        on close_date.object = deal.target and close_date.field = 'CloseDate'
)

select
    deal.id as usercom_id__c,
    opportunity.account_id as "AccountId",
    coalesce(nullif(trim(deal.name), ''), name.value, 'Untitled deal') as "Name",
    opportunity.stage_name as "StageName",
    opportunity.probability as "Probability",
    opportunity.closes_on as "CloseDate",
    opportunity.amount as "Amount",
    opportunity.iso_code as "CurrencyIsoCode",
    opportunity.owner_user_id as "OwnerId",
    case when $record_types then record_type.id end as "RecordTypeId",
    opportunity.pipeline as usercom_pipeline__c,
    opportunity.stage as usercom_stage__c,
    deal.status as usercom_status__c,
    deal.value as usercom_value__c,
    deal.currency as usercom_currency__c,
    coalesce(
        deal.loss_reason, loss_reason.label, cast(deal.loss_reason_id as varchar)
    ) as usercom_loss_reason__c,
    deal.loss_reason_description as usercom_loss_description__c,
    deal.expected_close_date as usercom_expected_close__c,
    deal.won_at as usercom_won_at__c,
    deal.lost_at as usercom_lost_at__c,
    deal.scope as usercom_scope__c,
    products.names as usercom_products__c,
    deal.custom_id as usercom_custom_id__c,
    deal.created_at as usercom_created_at__c,
    coalesce(author.email, cast(deal.created_by_id as varchar)) as usercom_created_by__c,
    leads.leads as usercom_leads__c,
    tag_list.tags as usercom_tags__c,
    deal.created_at as "CreatedDate",
    creator.user_id as "CreatedById",
    deal.custom,
    cast(null as timestamp) as usercom_deleted_at__c,
    make_array(
        opportunity.fate,
        case
            when opportunity.no_account
                then named_struct(
                    'fate', 'held',
                    'reason', opportunity.account_problem,
                    'parent', concat('company ', opportunity.named_company)
                )
        end,
        case
            when opportunity.closes_on is null and not opportunity.keeps_date
                then named_struct(
                    'fate', 'held', 'reason', 'close_date_missing', 'parent', null
                )
        end
    ) as _fate,
    concat_ws(
        ';',
        reading.flags,
        case when nullif(trim(deal.name), '') is null then 'name_from_default' end,
        case
            when opportunity.close_date is null and not opportunity.keeps_date
                then 'close_date_from_default'
        end,
        case when opportunity.rate <> 1 then 'amount_converted' end,
        case when leads.leads is not null then 'leads_kept_in_field' end,
        case
            when deal.loss_reason_id is not null
                and coalesce(deal.loss_reason, loss_reason.label) is null
                then 'loss_reason_without_label'
        end
    ) as _flags
from mapped.deals as deal
inner join judged as opportunity
    on opportunity.id = deal.id
left join prepare.reading_flag as reading
    on reading.source = 'deals' and reading.id = deal.id
left join org.record_types as record_type
    on record_type.sobject_type = 'Opportunity'
    and lower(record_type.name) = lower(left(trim(opportunity.pipeline), 80))
left join prepare.deal_leads as leads
    on leads.deal_id = deal.id
left join prepare.deal_tag_list as tag_list
    on tag_list.deal_id = deal.id
left join prepare.deal_product_list as products
    on products.deal_id = deal.id
left join config.loss_reasons as loss_reason
    on loss_reason.loss_reason = cast(deal.loss_reason_id as varchar)
left join prepare.owner as creator
    on creator.owner_key = deal.created_by_key
left join mapped.agents as author
    on author.id = deal.created_by_id
left join config.defaults as name
    on name.object = opportunity.target and name.field = 'Name'
