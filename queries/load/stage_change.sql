-- grain: one row per change of a deal's stage
-- source: usercom.stage_changes
-- object: usercom_stage_change__c
-- label: Stage Change / Stage Changes
-- operation: upsert
-- key: usercom_id__c
-- cluster by: usercom_opportunity__c
-- field: usercom_opportunity__c Lookup(Opportunity)
select
    concat('stage_change:', s.id) as usercom_id__c,
    left(concat(coalesce(s.stage_name, g.name, 'Stage'), ' of deal ', s.deal_id), 80) as "Name",
    o.id as usercom_opportunity__c,
    coalesce(s.stage_name, g.name) as usercom_stage__c,
    s.changed_by as usercom_changed_by__c,
    s.entered_at as usercom_entered_at__c,
    s.left_at as usercom_left_at__c,
    s.entered_at as "CreatedDate",
    case
        when not s.in_scope then 'out_of_scope'
        when o.id is null then 'held'
    end as _fate,
    case
        when not s.in_scope then 'scope'
        when o.id is null then 'deal_missing'
    end as _reason,
    case when o.id is null then concat('deal ', coalesce(cast(s.deal_id as varchar), s.deal_name)) end as _parent
from mapped.stage_changes as s
left join ledger.opportunity as o
    on o.usercom_id__c = s.deal_id
left join usercom.stages as g
    on g.id = s.stage_id
