-- grain: one row per lifecycle stage: where its people go
with staged as (
    select lower(trim(person.lifecycle_stage)) as lifecycle_stage
    from usercom.people as person
)

select
    coalesce(nullif(staged.lifecycle_stage, ''), 'none') as lifecycle_stage,
    coalesce(max(decided.target), 'not decided: held') as becomes,
    count(*) as people
from staged
left join config.lifecycle as decided
    on lower(decided.lifecycle_stage) = staged.lifecycle_stage
group by coalesce(nullif(staged.lifecycle_stage, ''), 'none')
order by people desc, lifecycle_stage
