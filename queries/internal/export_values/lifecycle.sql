-- grain: one row per lifecycle stage of the export, with the people in it
select
    lower(trim(person.lifecycle_stage)) as lifecycle_stage,
    count(*) as rows
from usercom.people as person
where trim(person.lifecycle_stage) <> ''
group by lower(trim(person.lifecycle_stage))
order by rows desc, lifecycle_stage
