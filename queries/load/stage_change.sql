-- grain: one row per change of a deal's stage
-- source: usercom.stage_changes
-- object: usercom_stage_change__c
-- label: Stage Change / Stage Changes
-- operation: upsert
-- key: usercom_id__c
-- cluster by: usercom_opportunity__c
-- field: usercom_opportunity__c Lookup(Opportunity)
select
    concat('stage_change:', change.id) as usercom_id__c,
    left(
        concat(coalesce(change.stage_name, stage.name, 'Stage'), ' of deal ', change.deal_id), 80
    ) as "Name",
    deal.opportunity_id as usercom_opportunity__c,
    coalesce(change.stage_name, stage.name) as usercom_stage__c,
    change.changed_by as usercom_changed_by__c,
    change.entered_at as usercom_entered_at__c,
    change.left_at as usercom_left_at__c,
    change.entered_at as "CreatedDate",
    change.custom,
    cast(null as timestamp) as usercom_deleted_at__c,
    case
        when not change.in_scope
            then named_struct('fate', 'out_of_scope', 'reason', change.scope_reason, 'parent', null)
        when deal.fate is not null then deal.fate
        when deal.opportunity_id is null
            then named_struct(
                'fate', 'held',
                'reason', 'deal_missing',
                'parent', concat(
                    'deal ', coalesce(cast(change.deal_id as varchar), change.deal_name)
                )
            )
    end as _fate
from mapped.stage_changes as change
left join prepare.deal_link as deal
    on deal.deal_id = change.deal_id
left join usercom.stages as stage
    on stage.id = change.stage_id
