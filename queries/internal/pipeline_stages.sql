-- grain: one row per pipeline and stage of the export, as the stage matrix may name them
with named as (
    select pipeline.name as pipeline, stage.name as stage
    from usercom.pipelines as pipeline
    left join usercom.stages as stage
        on stage.pipeline_id = pipeline.id
    union
    select
        coalesce(deal.pipeline_name, cast(deal.pipeline_id as varchar)),
        coalesce(deal.stage_name, cast(deal.stage_id as varchar))
    from usercom.deals as deal
    union
    -- A number is right though the export has names.
    select cast(stage.pipeline_id as varchar), cast(stage.id as varchar)
    from usercom.stages as stage
    union
    select cast(deal.pipeline_id as varchar), cast(deal.stage_id as varchar)
    from usercom.deals as deal
)

select distinct
    lower(trim(named.pipeline)) as pipeline,
    lower(trim(named.stage)) as stage
from named
