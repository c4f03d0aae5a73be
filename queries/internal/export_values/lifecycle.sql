-- grain: one row per lifecycle stage of the export, with the people in it
with staged as (
    select
        trim(person.lifecycle_stage) as written,
        lower(trim(person.lifecycle_stage)) as compared
    from usercom.people as person
)

select
    min(staged.written) as lifecycle_stage,
    count(*) as rows
from staged
where staged.compared <> ''
group by staged.compared
order by rows desc, lifecycle_stage
