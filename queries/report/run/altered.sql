-- grain: one row per load, field and reason: values that did not fit as they were
select
    altered.load,
    altered.field,
    altered.why,
    altered.done,
    count(*) as values_altered
from recon.altered as altered
group by altered.load, altered.field, altered.why, altered.done
order by values_altered desc, altered.load, altered.field, altered.why, altered.done
