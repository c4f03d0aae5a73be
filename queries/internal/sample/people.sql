-- grain: one row per person of the sample
-- People stand in a line, by lifecycle stage, pipeline and owner and among equals by a number that
-- id and seed make, and one of every so many is taken: so each group has its share. Every second
-- group stands the other way round: a step as long as a group would meet the same place in each.
with pipeline as (
    select
        deal.person_id,
        min(coalesce(deal.pipeline_name, cast(deal.pipeline_id as varchar))) as pipeline
    from mapped.deals as deal
    where deal.in_scope and deal.person_id is not null
    group by deal.person_id
),

numbered as (
    select
        person.id,
        person.lifecycle_stage_key,
        person.owner_key,
        (person.id % 2147483647 * 48271 + $seed * 40692) % 2147483647 as number
    from mapped.people as person
    where person.in_scope
),

ranked as (
    select
        numbered.id,
        numbered.number * numbered.number % 2147483647 as number,
        cast(dense_rank() over (order by numbered.lifecycle_stage_key) as bigint) as stage,
        cast(dense_rank() over (order by pipeline.pipeline) as bigint) as pipeline,
        cast(dense_rank() over (order by numbered.owner_key) as bigint) as owner
    from numbered
    left join pipeline
        on pipeline.person_id = numbered.id
),

turned as (
    select
        ranked.id,
        ranked.number,
        ranked.stage,
        case when ranked.stage % 2 = 0 then -ranked.pipeline else ranked.pipeline end as pipeline,
        ranked.owner
    from ranked
),

grouped as (
    select
        turned.id,
        turned.number,
        turned.owner,
        cast(
            dense_rank() over (order by turned.stage, turned.pipeline) as bigint
        ) as place
    from turned
),

standing as (
    select
        grouped.id,
        cast(
            row_number() over (
                order by
                    grouped.place,
                    case when grouped.place % 2 = 0 then -grouped.owner else grouped.owner end,
                    grouped.number,
                    grouped.id
            ) as bigint
        ) as place
    from grouped
),

total as (
    select
        count(*) as people,
        least(count(*), $sample) as wanted,
        $seed * 1618033989 % 1000000007 * count(*) / 1000000007 as start
    from numbered
)

select standing.id
from standing
cross join total
where (standing.place * total.wanted + total.start) / total.people
    > ((standing.place - 1) * total.wanted + total.start) / total.people
