-- grain: one row per decision about stage, currency and loss of the deal that is explained
with named as (
    select
        record.id,
        record.status,
        record.loss_reason_id,
        deal.pipeline,
        deal.stage,
        deal.currency
    from explained.record as record
    inner join prepare.deal as deal
        on deal.id = record.id
)

select
    coalesce(matrix.place, 'config/stage_matrix.csv') as decided_in,
    concat_ws(' / ', named.pipeline, named.stage, named.status) as what,
    case
        when matrix.place is null then 'no row for it'
        when matrix.stage_name is null then 'no decision yet'
        else concat_ws(' ', matrix.stage_name, matrix.probability || '%')
    end as says
from named
left join prepare.stage_decision as matrix
    on matrix.pipeline = lower(trim(named.pipeline))
    and matrix.stage = lower(trim(named.stage))
    and matrix.status = named.status
union all
select
    rates._place as decided_in,
    'currency ' || rates.currency as what,
    rates.rate as says
from named
inner join config.rates as rates
    on upper(rates.currency) = named.currency
union all
select
    loss_reason._place as decided_in,
    'loss_reason ' || loss_reason.loss_reason as what,
    loss_reason.label as says
from named
inner join config.loss_reasons as loss_reason
    on loss_reason.loss_reason = cast(named.loss_reason_id as varchar)
