-- grain: one row per load and reason: rows that are held now
select
    held.load,
    held.reason,
    min(held.key) as for_example,
    count(*) as rows
from recon.held as held
group by held.load, held.reason
order by rows desc, held.load, held.reason
