-- grain: one row per tag of people and companies, whatever its case
-- key: tag
select
    tagged.tag,
    min(tagged.name) as name,
    count(*) as records
from prepare.tag_on_record as tagged
group by tagged.tag
