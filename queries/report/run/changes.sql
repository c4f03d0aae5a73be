-- grain: one row per load, field and reason: values of the org that the run replaced
select
    change.load,
    change.field,
    change.why,
    count(*) as values_replaced,
    min(change.key) as for_example
from ledger.changes as change
where change.run = $run
group by change.load, change.field, change.why
order by values_replaced desc, change.load, change.field, change.why
