-- grain: one row per line of the stage matrix with a stage of the org, in the order of its list
with named as (
    select
        lower(trim(coalesce(pipeline.name, stage.pipeline_name))) as pipeline,
        lower(trim(stage.name)) as stage,
        pipeline.position as pipeline_position,
        stage.position,
        stage.probability
    from usercom.stages as stage
    left join usercom.pipelines as pipeline
        on pipeline.id = stage.pipeline_id
),

weighted as (
    select
        named.pipeline,
        named.stage,
        min(named.pipeline_position) as pipeline_position,
        min(named.position) as position,
        max(named.probability) as weight
    from named
    group by named.pipeline, named.stage
),

decided as (
    select
        line.*,
        lower(trim(line.pipeline)) as pipeline_key,
        lower(trim(line.stage)) as stage_key,
        lower(trim(line.status)) as status_key
    from config.stage_matrix as line
    where btrim(line.pipeline) <> '' and btrim(line.stage_name) <> ''
)

select
    trim(decided.pipeline) as shown_pipeline,
    decided.status_key as shown_status,
    trim(decided.stage_name) as shown_stage,
    decided.forecast_category as forecast,
    try_cast(trim(decided.probability) as double) as probability,
    cast(weighted.weight as double) as weight
from decided
left join weighted
    on weighted.pipeline = decided.pipeline_key and weighted.stage = decided.stage_key
order by
    case decided.status_key
        when 'won' then 1
        when 'lost' then 2
        when 'abandoned' then 2
        else 0
    end,
    weighted.pipeline_position nulls last,
    weighted.position nulls last,
    decided.pipeline,
    decided.stage
