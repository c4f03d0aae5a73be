-- grain: one row per company and agent in its team
-- object: AccountTeamMember
-- operation: insert
-- key: AccountId, UserId
-- cluster by: AccountId
-- when: $teams
-- feature: needs Account Teams in Setup; without them set teams = false
select distinct
    coalesce(account.id, concat('company ', team.id)) as "AccountId",
    agent_user.user_id as "UserId",
    case
        when account.id is null
            then named_struct(
                'fate', 'held',
                'reason', 'company_missing',
                'parent', concat('company ', team.id)
            )
    end as _fate
from prepare.team as team
inner join prepare.agent_user as agent_user
    on agent_user.agent_id = team.agent_id
left join ledger.account as account
    on account.usercom_id__c = team.id
where team.kind = 'company'
