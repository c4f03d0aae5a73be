-- grain: one row per decision about the territory of the company that is explained
select
    territories._place as decided_in,
    'company ' || territories.company_id as what,
    territories.territory as says
from explained.record as record
inner join config.territories as territories
    on territories.company_id = cast(record.id as varchar)
