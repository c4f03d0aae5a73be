-- grain: one row per event and attendee
-- source: prepare.attendee_link by event_id, relation_id
-- object: EventRelation
-- operation: upsert
-- key: EventId, RelationId
-- link: EventId, RelationId
-- cluster by: EventId
with attendance as (
    select
        attendee.event_id,
        attendee.relation_id,
        max(attendee.status) as status,
        max(attendee.fate) as fate
    from prepare.attendee_link as attendee
    group by attendee.event_id, attendee.relation_id
)

select
    coalesce(event.id, concat('event ', attendance.event_id)) as "EventId",
    attendance.relation_id as "RelationId",
    true as "IsInvitee",
    attendance.status as "Status",
    concat_ws('|', attendance.event_id, attendance.relation_id) as _source,
    existing.id as _id,
    make_array(
        attendance.fate,
        case
            when event.id is null and item.out_of_scope_reason is not null
                then named_struct(
                    'fate', 'out_of_scope',
                    'reason', case item.out_of_scope_reason
                        when 'sample' then 'sample'
                        else 'event_out_of_scope'
                    end,
                    'parent', concat('event ', attendance.event_id)
                )
            when event.id is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'event_missing',
                    'parent', concat('event ', attendance.event_id)
                )
        end
    ) as _fate,
    case
        when existing.id is not null and made.key is null then 'relation_made_by_salesforce'
    end as _flags
from attendance
left join ledger.event as event
    on event.usercom_id__c = concat('event:', attendance.event_id)
left join prepare.item_link as item
    on item.kind = 'event' and item.id = attendance.event_id
left join org.event_relations as existing
    on existing.event_id = event.id and existing.relation_id = attendance.relation_id
left join known.created_event_relation as made
    on made.key = concat_ws('|', event.id, attendance.relation_id)
