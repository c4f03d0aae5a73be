-- grain: one row per agent with a Salesforce user
-- key: agent_id
select
    agent.id as agent_id,
    agent.email_key as email,
    owner.user_id
from mapped.agents as agent
inner join prepare.owner as owner
    on owner.owner_key = cast(agent.id as varchar)
where owner.user_id is not null
