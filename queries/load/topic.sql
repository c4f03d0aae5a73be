-- grain: one row per tag that the org has no topic for
-- object: Topic
-- operation: insert
-- key: Name
-- when: $tag_strategy = 'topics'
-- feature: needs Topics for Objects in Setup; without them set tag_strategy = "picklist"
select
    coalesce(o.name, t.name) as "Name",
    o.id as _id
from prepare.tag as t
left join org.topics as o
    on lower(o.name) = t.tag
