-- grain: one row per load and field that was read back: values found as they were sent
-- Rows are those that the run read back, differences those of now. A record that is missing differs
-- in every field, so it counts with each of them.
with different as (
    select difference.load, difference.field, count(distinct difference.key) as records
    from recon.differences as difference
    where difference.kind = 'changed'
    group by difference.load, difference.field
),

missing as (
    select difference.load, count(distinct difference.key) as records
    from recon.differences as difference
    where difference.kind = 'missing'
    group by difference.load
),

compared as (
    select
        run.object,
        field.load,
        field.field,
        run.read_back + coalesce(missing.records, 0) as compared,
        coalesce(different.records, 0) + coalesce(missing.records, 0) as different
    from ledger.runs as run
    inner join recon.compared_fields as field
        on field.load = run.load
    left join different
        on different.load = field.load and different.field = field.field
    left join missing
        on missing.load = field.load
    where run.run = $run and run.read_back > 0
)

select
    compared.object,
    compared.field,
    compared.load,
    compared.compared,
    compared.compared - compared.different as same,
    compared.different,
    cast(compared.compared - compared.different as double)
    / cast(compared.compared as double) * 100 as percent_the_same
from compared
order by percent_the_same, compared.object, compared.load, compared.field
