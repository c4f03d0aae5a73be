-- grain: one row per column with cells that could not be read, and one for whole rows
select
    coalesce(rejects."column", 'whole rows') as name,
    count(*) as rows
from rejects.this_load as rejects
where rejects.reason <> 'superseded'
group by coalesce(rejects."column", 'whole rows')
