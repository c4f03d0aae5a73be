-- grain: one row per deal: its Opportunity stage, close date and owner
-- key: id
with deal as (
    select
        d.id,
        d.in_scope,
        d.status,
        d.company_id,
        d.company_name,
        d.won_on,
        d.lost_on,
        d.expected_close_date,
        d.value,
        coalesce(nullif(upper(trim(d.currency)), ''), $currency) as currency,
        coalesce(p.name, d.pipeline_name) as pipeline,
        coalesce(s.name, d.stage_name) as stage,
        s.probability,
        coalesce(cast(d.assigned_to_id as varchar), lower(trim(d.assigned_to_email)), '') as owner_key
    from mapped.deals as d
    left join usercom.stages as s
        on s.id = d.stage_id
    left join usercom.pipelines as p
        on p.id = coalesce(d.pipeline_id, s.pipeline_id)
)

select
    d.id,
    'Opportunity' as target,
    d.pipeline,
    d.stage,
    m.stage_name,
    cast(round(coalesce(cast(m.probability as double), d.probability)) as bigint) as probability,
    coalesce(d.won_on, d.lost_on, d.expected_close_date) as close_date,
    coalesce(d.company_id, n.company_id) as company_id,
    coalesce(cast(d.company_id as varchar), nullif(trim(d.company_name), '')) as named_company,
    o.user_id as owner_user_id,
    c.iso_code,
    c.rate,
    d.value,
    case
        when c.rate = 1 then d.value
        else cast(round(cast(d.value as double) * c.rate, 2) as decimal(18, 2))
    end as amount,
    case
        when not d.in_scope then 'out_of_scope'
        when m.stage_name is null then 'held'
        when d.value is not null and c.rate is null then 'held'
    end as fate,
    case
        when not d.in_scope then 'scope'
        when m.stage_name is null then 'stage_not_in_matrix'
        when d.value is not null and c.rate is null then 'currency_without_rate'
    end as reason,
    case
        when m.stage_name is null then concat_ws(' / ', d.pipeline, d.stage, d.status)
        when d.value is not null and c.rate is null then d.currency
    end as parent
from deal as d
left join config.stage_matrix as m
    on lower(trim(m.pipeline)) = lower(trim(d.pipeline))
    and lower(trim(m.stage)) = lower(trim(d.stage))
    and lower(trim(m.status)) = d.status
left join prepare.company_name as n
    on n.name = lower(trim(d.company_name))
left join prepare.owner as o
    on o.owner_key = d.owner_key
left join prepare.currency as c
    on c.currency = d.currency
