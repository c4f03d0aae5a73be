-- grain: one row per tag that the org has no topic for
-- object: Topic
-- operation: insert
-- key: Name
-- when: $tag_strategy = 'topics'
-- feature: needs Topics for Objects in Setup; without them set tag_strategy = "picklist"
select
    coalesce(existing.name, vocabulary.name) as "Name",
    existing.id as _id
from prepare.tag_vocabulary as vocabulary
left join org.topics as existing
    on lower(existing.name) = vocabulary.tag
