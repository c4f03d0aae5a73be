-- grain: one row per load and field that people or automation of the org changed
select
    changed.load,
    changed.field,
    max(changed.changed_by) as for_example_by,
    count(*) as records
from recon.changed_by_org as changed
group by changed.load, changed.field
order by records desc, changed.load, changed.field
