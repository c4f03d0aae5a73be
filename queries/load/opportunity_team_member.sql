-- grain: one row per deal and agent in its team
-- object: OpportunityTeamMember
-- operation: insert
-- key: OpportunityId, UserId
-- cluster by: OpportunityId
-- when: $teams
-- feature: needs Team Selling in Setup; without it set teams = false
select distinct
    coalesce(o.id, concat('deal ', t.id)) as "OpportunityId",
    u.user_id as "UserId",
    'Read' as "OpportunityAccessLevel",
    case when o.id is null then 'held' end as _fate,
    case when o.id is null then 'deal_missing' end as _reason,
    case when o.id is null then concat('deal ', t.id) end as _parent
from prepare.team as t
inner join prepare.agent_user as u
    on u.agent_id = t.agent_id
left join ledger.opportunity as o
    on o.usercom_id__c = t.id
where t.kind = 'deal'
