-- grain: one row per pipeline, stage and status of the export, with the deals in it
-- What has no name, since the API gives none, is known by its number.
with named as (
    select
        coalesce(
            pipeline.name, deal.pipeline_name, cast(deal.pipeline_id as varchar)
        ) as pipeline,
        coalesce(stage.name, deal.stage_name, cast(deal.stage_id as varchar)) as stage,
        stage.position,
        deal.status
    from usercom.deals as deal
    left join usercom.stages as stage
        on stage.id = deal.stage_id
    left join usercom.pipelines as pipeline
        on pipeline.id = coalesce(deal.pipeline_id, stage.pipeline_id)
)

select
    trim(named.pipeline) as pipeline,
    trim(named.stage) as stage,
    named.status,
    count(*) as rows
from named
where trim(named.pipeline) <> '' and trim(named.stage) <> '' and named.status is not null
group by trim(named.pipeline), trim(named.stage), named.status
order by trim(named.pipeline), min(named.position), trim(named.stage), named.status
