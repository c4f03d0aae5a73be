-- grain: one row per segment and list
-- object: Campaign
-- operation: upsert
-- key: usercom_id__c
-- when: $segment_strategy = 'campaigns'
-- feature: needs the user permission Marketing User; without campaigns set segment_strategy = "static_list"
select
    s.key as usercom_id__c,
    s.name as "Name",
    s.description as "Description",
    true as "IsActive",
    s.criteria as usercom_criteria__c,
    case when not s.in_scope then 'out_of_scope' end as _fate,
    case when not s.in_scope then 'scope' end as _reason
from prepare.segment as s
