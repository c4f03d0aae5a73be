-- grain: one row per territory and spelling that a person may use for it
select lower(territory.developer_name) as spelling, territory.id
from org.territories as territory
union
select lower(territory.name), territory.id
from org.territories as territory
