-- grain: one row per segment and list
-- source: prepare.segment
-- object: Campaign
-- operation: upsert
-- key: usercom_id__c
-- when: $segment_strategy = 'campaigns'
-- feature: needs the user permission Marketing User; without campaigns set segment_strategy = "static_list"
select
    segment.key as usercom_id__c,
    segment.name as "Name",
    segment.description as "Description",
    true as "IsActive",
    segment.criteria as usercom_criteria__c,
    segment.kind as usercom_kind__c,
    segment.created_at as usercom_created_at__c,
    source.custom,
    list.custom as list_custom,
    cast(null as timestamp) as usercom_deleted_at__c,
    case
        when not segment.in_scope
            then named_struct('fate', 'out_of_scope', 'reason', 'scope', 'parent', null)
    end as _fate
from prepare.segment as segment
left join mapped.segments as source
    on concat('segment:', source.id) = segment.key
left join mapped.lists as list
    on concat('list:', list.id) = segment.key
