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
    case
        when company.fate['fate'] = 'out_of_scope' then company.fate
        when company.account_id is null or not team.is_user
            then named_struct(
                'fate', 'held',
                'reason', concat_ws(
                    '; ',
                    case when company.account_id is null then 'company_missing' end,
                    case when not team.is_user then 'user_missing' end
                ),
                'parent', concat_ws(
                    '; ',
                    case when company.account_id is null then concat('company ', team.id) end,
                    case when not team.is_user then team.member end
                )
            )
    end as _fate
from prepare.team_link as team
left join prepare.company_link as company
    on company.company_id = team.id
where team.kind = 'company'
