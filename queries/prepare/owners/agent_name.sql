-- grain: one row per name that only one agent has
-- key: name
select
    agent.name_key as name,
    min(agent.id) as agent_id
from mapped.agents as agent
where agent.name_key is not null
group by agent.name_key
having count(*) = 1
