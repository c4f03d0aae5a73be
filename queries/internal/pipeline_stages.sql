-- grain: one row per pipeline and stage of the export, as the stage matrix is compared
select
    lower(trim(pipeline.name)) as pipeline,
    lower(trim(stage.name)) as stage
from usercom.pipelines as pipeline
left join usercom.stages as stage
    on stage.pipeline_id = pipeline.id
union
select
    lower(trim(coalesce(deal.pipeline_name, cast(deal.pipeline_id as varchar)))),
    lower(trim(coalesce(deal.stage_name, cast(deal.stage_id as varchar))))
from usercom.deals as deal
