-- grain: one row per fate and reason why rows do not move, with how many do not
select
    concat(fates.fate, ': ', coalesce(fates.reason, '?')) as name,
    count(*) as rows
from recon.fates_this_load as fates
group by concat(fates.fate, ': ', coalesce(fates.reason, '?'))
