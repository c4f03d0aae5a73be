-- grain: one row per field that has another value right after it was written, in several records
select
    difference.field as name,
    count(*) as rows
from recon.differences_this_load as difference
where difference.kind = 'changed'
group by difference.field
having count(*) >= 2
