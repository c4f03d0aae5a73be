-- grain: one row per tag of people and companies, whatever its case
-- key: tag
select
    t.tag,
    min(t.name) as name,
    count(*) as records
from prepare.tagging as t
group by t.tag
