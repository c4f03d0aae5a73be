-- grain: one row per stage of a deal that the export gives a name, with the numbers that it has
with named as (
    select
        coalesce(deal.pipeline_id, stage.pipeline_id) as pipeline_id,
        deal.stage_id,
        max(coalesce(pipeline.name, deal.pipeline_name)) as pipeline,
        max(coalesce(stage.name, deal.stage_name)) as stage
    from usercom.deals as deal
    left join usercom.stages as stage
        on stage.id = deal.stage_id
    left join usercom.pipelines as pipeline
        on pipeline.id = coalesce(deal.pipeline_id, stage.pipeline_id)
    where deal.stage_id is not null
    group by coalesce(deal.pipeline_id, stage.pipeline_id), deal.stage_id
)

select
    cast(named.pipeline_id as varchar) as pipeline_number,
    cast(named.stage_id as varchar) as stage_number,
    trim(coalesce(named.pipeline, cast(named.pipeline_id as varchar))) as pipeline,
    trim(named.stage) as stage
from named
where named.pipeline_id is not null and trim(named.stage) <> ''
