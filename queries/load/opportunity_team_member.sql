-- grain: one row per deal and agent in its team
-- object: OpportunityTeamMember
-- operation: insert
-- key: OpportunityId, UserId
-- cluster by: OpportunityId
-- when: $teams
-- feature: needs Team Selling in Setup; without it set teams = false
select distinct
    coalesce(opportunity.id, concat('deal ', team.id)) as "OpportunityId",
    agent_user.user_id as "UserId",
    'Read' as "OpportunityAccessLevel",
    case
        when opportunity.id is null
            then named_struct(
                'fate', 'held',
                'reason', 'deal_missing',
                'parent', concat('deal ', team.id)
            )
    end as _fate
from prepare.team as team
inner join prepare.agent_user as agent_user
    on agent_user.agent_id = team.agent_id
left join ledger.opportunity as opportunity
    on opportunity.usercom_id__c = team.id
where team.kind = 'deal'
