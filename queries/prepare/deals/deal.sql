-- grain: one row per deal: its Opportunity stage, close date and owner
-- key: id
-- A pipeline or stage that the export gives no name is known by its number. A number that an
-- export with stages does not have is a lost stage, unless the matrix names it.
with named as (
    select
        deal.id,
        deal.in_scope,
        deal.scope_reason,
        deal.status,
        deal.company_id,
        deal.company_name,
        deal.company_name_key,
        deal.won_on,
        deal.lost_on,
        deal.expected_close_date,
        deal.value,
        coalesce(deal.currency_code, $currency) as currency,
        coalesce(
            pipeline.name, deal.pipeline_name, cast(deal.pipeline_id as varchar)
        ) as pipeline,
        coalesce(stage.name, deal.stage_name, cast(deal.stage_id as varchar)) as stage,
        coalesce(stage.name, deal.stage_name) is null and export.stages > 0 as is_lost_stage,
        stage.probability,
        deal.owner_key
    from mapped.deals as deal
    left join usercom.stages as stage
        on stage.id = deal.stage_id
    left join usercom.pipelines as pipeline
        on pipeline.id = coalesce(deal.pipeline_id, stage.pipeline_id)
    cross join (select count(*) as stages from usercom.stages) as export
),

judged as (
    select
        named.*,
        matrix.stage_name,
        matrix.probability as stage_probability,
        coalesce(trim(named.pipeline), '') = ''
            or coalesce(trim(named.stage), '') = ''
            or named.is_lost_stage as no_stage,
        currency.iso_code,
        currency.rate,
        named.value is not null and currency.rate is null as no_rate,
        unread.reason as unread_reason,
        unread.value as unread_value
    from named
    left join prepare.stage_decision as matrix
        on matrix.pipeline = lower(trim(named.pipeline))
        and matrix.stage = lower(trim(named.stage))
        and matrix.status = named.status
    left join prepare.currency as currency
        on currency.currency = named.currency
    left join prepare.unread_sum as unread
        on unread.source = 'deals' and unread.id = named.id
)

select
    named.id,
    'Opportunity' as target,
    named.pipeline,
    named.stage,
    named.stage_name,
    cast(
        round(coalesce(cast(named.stage_probability as double), named.probability)) as bigint
    ) as probability,
    coalesce(named.won_on, named.lost_on, named.expected_close_date) as close_date,
    coalesce(named.company_id, by_name.company_id) as company_id,
    coalesce(
        cast(named.company_id as varchar), nullif(trim(named.company_name), '')
    ) as named_company,
    owner.user_id as owner_user_id,
    named.currency,
    named.iso_code,
    named.rate,
    named.value,
    case
        when named.rate = 1 then named.value
        else cast(named.value * named.rate as decimal(30, 2))
    end as amount,
    case
        when not named.in_scope
            then named_struct(
                'fate', 'out_of_scope',
                'reason', named.scope_reason,
                'parent', cast(null as varchar)
            )
        when left_out.fate is not null then left_out.fate
        when named.unread_reason is not null or named.stage_name is null or named.no_rate
            then named_struct(
                'fate', 'held',
                'reason', concat_ws(
                    '; ',
                    named.unread_reason,
                    case
                        when named.no_stage then 'stage_missing'
                        when named.stage_name is null then 'stage_not_in_matrix'
                    end,
                    case when named.no_rate then 'currency_without_rate' end
                ),
                'parent', concat_ws(
                    '; ',
                    named.unread_value,
                    case
                        when named.stage_name is null
                            then nullif(
                                concat_ws(' / ', named.pipeline, named.stage, named.status), ''
                            )
                    end,
                    case when named.no_rate then named.currency end
                )
            )
    end as fate
from judged as named
left join prepare.company_name as by_name
    on by_name.name = named.company_name_key
left join prepare.company_out_of_scope as left_out
    on left_out.company_id = coalesce(named.company_id, by_name.company_id)
left join prepare.owner as owner
    on owner.owner_key = named.owner_key
