-- grain: one row per line of the stage matrix with a stage of the org, in the order of its list
with weighted as (
    select
        lower(trim(coalesce(pipeline.name, stage.pipeline_name))) as pipeline,
        lower(trim(stage.name)) as stage,
        min(pipeline.position) as pipeline_position,
        min(stage.position) as position,
        max(stage.probability) as weight
    from usercom.stages as stage
    left join usercom.pipelines as pipeline
        on pipeline.id = stage.pipeline_id
    group by
        lower(trim(coalesce(pipeline.name, stage.pipeline_name))),
        lower(trim(stage.name))
)

select
    trim(line.pipeline) as shown_pipeline,
    lower(trim(line.status)) as shown_status,
    trim(line.stage_name) as shown_stage,
    line.forecast_category as forecast,
    try_cast(trim(line.probability) as double) as probability,
    cast(weighted.weight as double) as weight
from config.stage_matrix as line
left join weighted
    on weighted.pipeline = lower(trim(line.pipeline)) and weighted.stage = lower(trim(line.stage))
where btrim(line.pipeline) <> '' and btrim(line.stage_name) <> ''
order by
    case lower(trim(line.status))
        when 'won' then 1
        when 'lost' then 2
        when 'abandoned' then 2
        else 0
    end,
    weighted.pipeline_position nulls last,
    weighted.position nulls last,
    line.pipeline,
    line.stage
