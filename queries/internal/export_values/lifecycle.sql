-- grain: one row per lifecycle stage of the export, with the people in it
with staged as (
    select lower(trim(person.lifecycle_stage)) as lifecycle_stage
    from usercom.people as person
)

select
    staged.lifecycle_stage,
    count(*) as rows
from staged
where staged.lifecycle_stage <> ''
group by staged.lifecycle_stage
order by rows desc, lifecycle_stage
