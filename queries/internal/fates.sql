-- grain: one row per fate, with how many rows have it
select
    fates.fate as name,
    count(*) as rows
from recon.fates_this_load as fates
group by fates.fate
