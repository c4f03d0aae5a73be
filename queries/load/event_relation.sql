-- grain: one row per event and attendee
-- object: EventRelation
-- operation: upsert
-- key: EventId, RelationId
-- cluster by: EventId
with attendance as (
    select
        a.event_id,
        coalesce(a.relation_id, a.named) as relation_id,
        max(a.status) as status,
        max(case when a.relation_id is null then a.named end) as unresolved,
        max(case when a.relation_id is null then coalesce(a.person_fate, 'held') end) as fate,
        max(case when a.relation_id is null then coalesce(a.person_reason, 'attendee_not_in_export') end) as reason
    from prepare.attendee_link as a
    group by a.event_id, coalesce(a.relation_id, a.named)
)

select
    coalesce(e.id, concat('event ', a.event_id)) as "EventId",
    a.relation_id as "RelationId",
    true as "IsInvitee",
    a.status as "Status",
    r.id as _id,
    case
        when a.fate is not null then a.fate
        when e.id is null then 'held'
    end as _fate,
    coalesce(a.reason, case when e.id is null then 'event_missing' end) as _reason,
    coalesce(a.unresolved, case when e.id is null then concat('event ', a.event_id) end) as _parent,
    case when r.id is not null then 'relation_made_by_salesforce' end as _flags
from attendance as a
left join ledger.event as e
    on e.usercom_id__c = concat('event:', a.event_id)
left join org.event_relations as r
    on r.event_id = e.id and r.relation_id = a.relation_id
