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
    coalesce(account.id, concat('company ', team.id)) as "AccountId",
    team.member as "UserId",
    case
        when account.id is null or not team.is_user
            then named_struct(
                'fate', 'held',
                'reason', concat_ws(
                    '; ',
                    case when account.id is null then 'company_missing' end,
                    case when not team.is_user then 'user_missing' end
                ),
                'parent', concat_ws(
                    '; ',
                    case when account.id is null then concat('company ', team.id) end,
                    case when not team.is_user then team.member end
                )
            )
    end as _fate
from prepare.team_link as team
left join ledger.account as account
    on account.usercom_id__c = team.id
where team.kind = 'company'
