-- grain: one row per record and tag
-- object: TopicAssignment
-- operation: insert
-- key: EntityId, TopicId
-- cluster by: EntityId
-- when: $tag_strategy = 'topics'
-- feature: needs Topics for Objects in Setup; without them set tag_strategy = "picklist"
with topic as (
    select
        t.tag,
        coalesce(l.id, o.id) as topic_id
    from prepare.tag as t
    left join org.topics as o
        on lower(o.name) = t.tag
    left join ledger.topic as l
        on lower(l."Name") = t.tag
),

tagged as (
    select
        g.tag,
        concat(g.kind, ' ', g.id) as named,
        coalesce(w.who_id, a.id) as entity_id,
        w.fate as person_fate,
        w.reason as person_reason
    from prepare.tagging as g
    left join prepare.person_link as w
        on w.person_id = g.id and g.kind = 'person'
    left join ledger.account as a
        on a.usercom_id__c = g.id and g.kind = 'company'
)

select
    coalesce(g.entity_id, g.named) as "EntityId",
    coalesce(t.topic_id, t.tag) as "TopicId",
    case
        when g.entity_id is null then coalesce(g.person_fate, 'held')
        when t.topic_id is null then 'held'
    end as _fate,
    case
        when g.entity_id is null then coalesce(g.person_reason, 'company_missing')
        when t.topic_id is null then 'topic_missing'
    end as _reason,
    case
        when g.entity_id is null then g.named
        when t.topic_id is null then concat('topic ', t.tag)
    end as _parent
from tagged as g
inner join topic as t
    on t.tag = g.tag
