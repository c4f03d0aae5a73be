-- grain: one row per record and tag
-- object: TopicAssignment
-- operation: insert
-- key: EntityId, TopicId
-- cluster by: EntityId
-- when: $tag_strategy = 'topics'
-- feature: needs Topics for Objects in Setup; without them set tag_strategy = "picklist"
with topic as (
    select
        vocabulary.tag,
        coalesce(loaded.id, existing.id) as topic_id
    from prepare.tag_vocabulary as vocabulary
    left join org.topics as existing
        on lower(existing.name) = vocabulary.tag
    left join ledger.topic as loaded
        on lower(loaded."Name") = vocabulary.tag
),

tagged as (
    select
        tagged.tag,
        concat(tagged.kind, ' ', tagged.id) as named,
        coalesce(link.who_id, account.id) as entity_id,
        link.fate as person_fate
    from prepare.tag_on_record as tagged
    left join prepare.person_link as link
        on link.person_id = tagged.id and tagged.kind = 'person'
    left join ledger.account as account
        on account.usercom_id__c = tagged.id and tagged.kind = 'company'
)

select
    coalesce(tagged.entity_id, tagged.named) as "EntityId",
    coalesce(topic.topic_id, topic.tag) as "TopicId",
    case
        when tagged.person_fate is not null then tagged.person_fate
        when tagged.entity_id is null
            then named_struct('fate', 'held', 'reason', 'company_missing', 'parent', tagged.named)
        when topic.topic_id is null
            then named_struct(
                'fate', 'held', 'reason', 'topic_missing', 'parent', concat('topic ', topic.tag)
            )
    end as _fate
from tagged
inner join topic
    on topic.tag = tagged.tag
