-- grain: one row per record and tag
-- source: prepare.tag_on_record by lower(rtrim(left(name, 99))), kind, id
-- object: TopicAssignment
-- operation: insert
-- key: EntityId, TopicId
-- link: EntityId, TopicId
-- cluster by: EntityId
-- when: $tag_strategy = 'topics'
-- feature: needs Topics for Objects in Setup; without them set tag_strategy = "picklist"
with existing as (
    select
        lower(rtrim(left(topics.name, 99))) as topic,
        min(topics.id) as id
    from org.topics as topics
    group by lower(rtrim(left(topics.name, 99)))
),

loaded as (
    select
        lower(rtrim(left(topic."Name", 99))) as topic,
        min(topic.id) as id
    from ledger.topic as topic
    group by lower(rtrim(left(topic."Name", 99)))
),

named as (
    select
        lower(rtrim(left(tagged.name, 99))) as topic,
        tagged.kind,
        tagged.id
    from prepare.tag_on_record as tagged
    group by lower(rtrim(left(tagged.name, 99))), tagged.kind, tagged.id
),

tagged as (
    select
        named.topic,
        named.kind,
        named.id,
        concat(named.kind, ' ', named.id) as named,
        coalesce(link.who_id, company.account_id) as entity_id,
        link.fate as person_fate,
        company.fate as company_fate,
        coalesce(loaded.id, existing.id) as topic_id
    from named
    left join loaded
        on loaded.topic = named.topic
    left join existing
        on existing.topic = named.topic
    left join prepare.person_link as link
        on link.person_id = named.id and named.kind = 'person'
    left join prepare.company_link as company
        on company.company_id = named.id and named.kind = 'company'
)

select
    coalesce(tagged.entity_id, tagged.named) as "EntityId",
    coalesce(tagged.topic_id, tagged.topic) as "TopicId",
    concat_ws('|', tagged.topic, tagged.kind, tagged.id) as _source,
    make_array(
        tagged.person_fate,
        tagged.company_fate,
        case
            when tagged.topic_id is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'topic_missing',
                    'parent', concat('topic ', tagged.topic)
                )
        end
    ) as _fate
from tagged
