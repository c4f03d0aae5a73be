-- grain: one row per reason why rows are held, with how many are
select
    fates.reason as name,
    count(*) as rows
from recon.fates_this_load as fates
where fates.fate = 'held'
group by fates.reason
