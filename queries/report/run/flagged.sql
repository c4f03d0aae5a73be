-- grain: one row per load and flag: rows that moved and should be looked at
select
    flagged.load,
    flagged.flag,
    min(flagged.key) as for_example,
    count(*) as rows
from recon.flagged as flagged
group by flagged.load, flagged.flag
order by rows desc, flagged.load, flagged.flag
