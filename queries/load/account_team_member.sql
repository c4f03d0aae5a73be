-- grain: one row per company and user, or agent without one, in its team
-- source: prepare.team_link by id, member where kind = 'company'
-- object: AccountTeamMember
-- operation: insert
-- key: AccountId, UserId
-- link: AccountId, UserId
-- cluster by: AccountId
-- when: $teams
-- feature: needs Account Teams in Setup; without them set teams = false
select distinct
    coalesce(company.account_id, concat('company ', team.id)) as "AccountId",
    team.member as "UserId",
    concat_ws('|', team.id, team.member) as _source,
    make_array(
        company.fate,
        case
            when company.company_id is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'company_missing',
                    'parent', concat('company ', team.id)
                )
        end,
        case
            when not team.is_user
                then named_struct('fate', 'held', 'reason', 'user_missing', 'parent', team.member)
        end
    ) as _fate
from prepare.team_link as team
left join prepare.company_link as company
    on company.company_id = team.id
where team.kind = 'company'
