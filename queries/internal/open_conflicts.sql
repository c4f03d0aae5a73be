-- grain: one row per load with fields that source and org both changed and nobody has decided
select
    conflict.load as name,
    count(*) as rows
from recon.conflicts as conflict
where conflict.state = 'ask'
group by conflict.load
