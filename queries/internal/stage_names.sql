-- grain: one row per stage that the export gives a name, with its number and that of its pipeline
with named as (
    select
        stage.pipeline_id,
        stage.id as stage_id,
        pipeline.name as pipeline,
        stage.name as stage
    from usercom.stages as stage
    inner join usercom.pipelines as pipeline
        on pipeline.id = stage.pipeline_id
    union
    select
        deal.pipeline_id,
        deal.stage_id,
        coalesce(pipeline.name, deal.pipeline_name),
        coalesce(stage.name, deal.stage_name)
    from usercom.deals as deal
    left join usercom.stages as stage
        on stage.id = deal.stage_id
    left join usercom.pipelines as pipeline
        on pipeline.id = coalesce(deal.pipeline_id, stage.pipeline_id)
)

select
    cast(named.pipeline_id as varchar) as pipeline_number,
    cast(named.stage_id as varchar) as stage_number,
    trim(named.pipeline) as pipeline,
    trim(named.stage) as stage
from named
where named.pipeline_id is not null
    and named.stage_id is not null
    and trim(named.pipeline) <> ''
    and trim(named.stage) <> ''
