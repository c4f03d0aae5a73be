-- grain: one row per lifecycle stage: where its people go
select
    coalesce(nullif(lower(trim(person.lifecycle_stage)), ''), 'none') as lifecycle_stage,
    coalesce(max(decided.target), 'not decided: held') as becomes,
    count(*) as people
from usercom.people as person
left join config.lifecycle as decided
    on lower(decided.lifecycle_stage) = lower(trim(person.lifecycle_stage))
group by coalesce(nullif(lower(trim(person.lifecycle_stage)), ''), 'none')
order by people desc, lifecycle_stage
