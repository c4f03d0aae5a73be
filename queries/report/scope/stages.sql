-- grain: one row per pipeline, stage and status: what its deals become
with named as (
    select
        coalesce(
            pipeline.name, deal.pipeline_name, cast(deal.pipeline_id as varchar)
        ) as pipeline,
        coalesce(stage.name, deal.stage_name, cast(deal.stage_id as varchar)) as stage,
        cast(deal.pipeline_id as varchar) as pipeline_number,
        cast(deal.stage_id as varchar) as stage_number,
        deal.status
    from usercom.deals as deal
    left join usercom.stages as stage
        on stage.id = deal.stage_id
    left join usercom.pipelines as pipeline
        on pipeline.id = coalesce(deal.pipeline_id, stage.pipeline_id)
)

select
    named.pipeline,
    named.stage,
    named.status,
    coalesce(max(matrix.stage_name), max(numbered.stage_name), 'not decided: held') as becomes,
    count(*) as deals
from named
left join config.stage_matrix as matrix
    on lower(matrix.pipeline) = lower(trim(named.pipeline))
    and lower(matrix.stage) = lower(trim(named.stage))
    and lower(matrix.status) = named.status
left join config.stage_matrix as numbered
    on numbered.pipeline = named.pipeline_number
    and numbered.stage = named.stage_number
    and lower(numbered.status) = named.status
group by named.pipeline, named.stage, named.status
order by named.pipeline, deals desc, named.stage, named.status
