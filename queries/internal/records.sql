-- grain: one row with the records of a load that are there
select 'records' as name, count(*) as rows
from ledger.this_load as records
where records.id is not null and records.live = 'live'
