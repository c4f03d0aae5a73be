-- grain: one row per agent in the team of a deal or company: its user
select
    team.kind,
    team.id,
    team.agent_id,
    coalesce(owner.user_id, concat('agent ', team.agent_id)) as member,
    owner.user_id is not null as is_user
from prepare.team as team
left join prepare.owner as owner
    on owner.owner_key = cast(team.agent_id as varchar)
