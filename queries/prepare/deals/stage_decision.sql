-- grain: one row per pipeline, stage and status that the stage matrix decides
-- key: pipeline, stage, status
-- A line by numbers, from when the export had no names, counts until one by name decides.
with names as (
    select
        coalesce(deal.pipeline_id, stage.pipeline_id) as pipeline_id,
        deal.stage_id,
        max(coalesce(pipeline.name, deal.pipeline_name)) as pipeline,
        max(coalesce(stage.name, deal.stage_name)) as stage
    from mapped.deals as deal
    left join usercom.stages as stage
        on stage.id = deal.stage_id
    left join usercom.pipelines as pipeline
        on pipeline.id = coalesce(deal.pipeline_id, stage.pipeline_id)
    where deal.stage_id is not null
    group by coalesce(deal.pipeline_id, stage.pipeline_id), deal.stage_id
),

lines as (
    select
        lower(trim(coalesce(names.pipeline, matrix.pipeline))) as pipeline,
        lower(trim(coalesce(names.stage, matrix.stage))) as stage,
        lower(matrix.status) as status,
        names.stage_id is not null as is_by_number,
        matrix.stage_name,
        matrix.probability,
        matrix._place as place
    from config.stage_matrix as matrix
    left join names
        on cast(names.pipeline_id as varchar) = matrix.pipeline
        and cast(names.stage_id as varchar) = matrix.stage
),

ranked as (
    select
        lines.*,
        row_number() over (
            partition by lines.pipeline, lines.stage, lines.status
            order by lines.is_by_number, lines.place
        ) as place_in_line
    from lines
)

select
    ranked.pipeline,
    ranked.stage,
    ranked.status,
    ranked.stage_name,
    ranked.probability,
    ranked.place
from ranked
where ranked.place_in_line = 1
