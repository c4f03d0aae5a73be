-- grain: one row per deal: its Opportunity stage, close date and owner
-- key: id
with named as (
    select
        deal.id,
        deal.in_scope,
        deal.status,
        deal.company_id,
        deal.company_name,
        deal.company_name_key,
        deal.won_on,
        deal.lost_on,
        deal.expected_close_date,
        deal.value,
        coalesce(deal.currency_code, $currency) as currency,
        coalesce(pipeline.name, deal.pipeline_name) as pipeline,
        coalesce(stage.name, deal.stage_name) as stage,
        stage.probability,
        deal.owner_key
    from mapped.deals as deal
    left join usercom.stages as stage
        on stage.id = deal.stage_id
    left join usercom.pipelines as pipeline
        on pipeline.id = coalesce(deal.pipeline_id, stage.pipeline_id)
)

select
    named.id,
    'Opportunity' as target,
    named.pipeline,
    named.stage,
    matrix.stage_name,
    cast(
        round(coalesce(cast(matrix.probability as double), named.probability)) as bigint
    ) as probability,
    coalesce(named.won_on, named.lost_on, named.expected_close_date) as close_date,
    coalesce(named.company_id, by_name.company_id) as company_id,
    coalesce(
        cast(named.company_id as varchar), nullif(trim(named.company_name), '')
    ) as named_company,
    owner.user_id as owner_user_id,
    named.currency,
    currency.iso_code,
    currency.rate,
    named.value,
    case
        when currency.rate = 1 then named.value
        else cast(round(cast(named.value as double) * currency.rate, 2) as decimal(18, 2))
    end as amount,
    case
        when not named.in_scope
            then named_struct('fate', 'out_of_scope', 'reason', 'scope', 'parent', null)
        when unread.reason is not null
            then named_struct(
                'fate', 'held', 'reason', unread.reason, 'parent', unread.value
            )
        when coalesce(trim(named.pipeline), '') = '' or coalesce(trim(named.stage), '') = ''
            then named_struct(
                'fate', 'held',
                'reason', 'stage_missing',
                'parent', concat_ws(' / ', named.pipeline, named.stage, named.status)
            )
        when matrix.stage_name is null
            then named_struct(
                'fate', 'held',
                'reason', 'stage_not_in_matrix',
                'parent', concat_ws(' / ', named.pipeline, named.stage, named.status)
            )
        when named.value is not null and currency.rate is null
            then named_struct(
                'fate', 'held', 'reason', 'currency_without_rate', 'parent', named.currency
            )
    end as fate
from named
left join config.stage_matrix as matrix
    on lower(matrix.pipeline) = lower(trim(named.pipeline))
    and lower(matrix.stage) = lower(trim(named.stage))
    and lower(matrix.status) = named.status
left join prepare.company_name as by_name
    on by_name.name = named.company_name_key
left join prepare.owner as owner
    on owner.owner_key = named.owner_key
left join prepare.currency as currency
    on currency.currency = named.currency
left join prepare.unread_sum as unread
    on unread.source = 'deals' and unread.id = named.id
