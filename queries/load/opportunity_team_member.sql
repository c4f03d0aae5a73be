-- grain: one row per deal and user, or agent without one, in its team
-- source: prepare.team_link by id, member where kind = 'deal'
-- object: OpportunityTeamMember
-- operation: insert
-- key: OpportunityId, UserId
-- link: OpportunityId, UserId
-- cluster by: OpportunityId
-- when: $teams
-- feature: needs Team Selling in Setup; without it set teams = false
select distinct
    coalesce(deal.opportunity_id, concat('deal ', team.id)) as "OpportunityId",
    team.member as "UserId",
    'Read' as "OpportunityAccessLevel",
    concat_ws('|', team.id, team.member) as _source,
    make_array(
        deal.fate,
        case
            when deal.deal_id is null
                then named_struct(
                    'fate', 'held', 'reason', 'deal_missing', 'parent', concat('deal ', team.id)
                )
        end,
        case
            when not team.is_user
                then named_struct('fate', 'held', 'reason', 'user_missing', 'parent', team.member)
        end
    ) as _fate
from prepare.team_link as team
left join prepare.deal_link as deal
    on deal.deal_id = team.id
where team.kind = 'deal'
