-- grain: one row per row of a load that is explained and was not sent
-- recon.fates_this_load is the table of one load; `is_asked` stands for the rows.
select
    fate.key,
    fate.fate,
    fate.reason,
    fate.parent
from recon.fates_this_load as fate
where fate.is_asked
