-- grain: one row per company and agent in its team
-- object: AccountTeamMember
-- operation: insert
-- key: AccountId, UserId
-- cluster by: AccountId
-- when: $teams
-- feature: needs Account Teams in Setup; without them set teams = false
select distinct
    coalesce(a.id, concat('company ', t.id)) as "AccountId",
    u.user_id as "UserId",
    case when a.id is null then 'held' end as _fate,
    case when a.id is null then 'company_missing' end as _reason,
    case when a.id is null then concat('company ', t.id) end as _parent
from prepare.team as t
inner join prepare.agent_user as u
    on u.agent_id = t.agent_id
left join ledger.account as a
    on a.usercom_id__c = t.id
where t.kind = 'company'
