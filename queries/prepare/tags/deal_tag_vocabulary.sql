-- grain: one row per tag of deals, whatever its case
-- key: tag
select
    lower(tagged.name) as tag,
    min(tagged.name) as name
from prepare.deal_tag as tagged
group by lower(tagged.name)
