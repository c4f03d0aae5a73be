-- grain: one row per decision about the side of the person that is explained
select
    coalesce(lifecycle._place, 'config/lifecycle.csv') as decided_in,
    'lifecycle_stage ' || coalesce(record.lifecycle_stage, '(none)') as what,
    coalesce(lifecycle.target, 'no row for it') as says
from explained.record as record
left join config.lifecycle as lifecycle
    on lower(lifecycle.lifecycle_stage) = record.lifecycle_stage_key
union all
select
    'prepare.person' as decided_in,
    'side' as what,
    concat(person.target, ', because ', person.reason) as says
from prepare.person as person
inner join explained.record as record
    on record.id = person.id
