-- grain: one row per topic: tags that begin with the same 99 letters share one
-- source: prepare.tag_vocabulary by lower(rtrim(left(name, 99)))
-- object: Topic
-- operation: insert
-- key: Name
-- when: $tag_strategy = 'topics'
-- feature: needs Topics for Objects in Setup; without them set tag_strategy = "picklist"
with existing as (
    select
        lower(rtrim(left(topics.name, 99))) as topic,
        min(topics.name) as name,
        min(topics.id) as id
    from org.topics as topics
    group by lower(rtrim(left(topics.name, 99)))
),

wanted as (
    select
        lower(rtrim(left(vocabulary.name, 99))) as topic,
        min(vocabulary.name) as name,
        count(*) as tags
    from prepare.tag_vocabulary as vocabulary
    group by lower(rtrim(left(vocabulary.name, 99)))
)

select
    coalesce(existing.name, wanted.name) as "Name",
    wanted.topic as _source,
    existing.id as _id,
    case when wanted.tags > 1 then 'tags_share_topic' end as _flags
from wanted
left join existing
    on existing.topic = wanted.topic
