-- grain: one row per name that a person may use for a territory of the org
select territory.developer_name as name
from org.territories as territory
union
select territory.name
from org.territories as territory
