-- grain: one row per address of agents with one Salesforce user
-- key: email
select
    agent.email,
    min(agent.user_id) as user_id
from prepare.agent_user as agent
where agent.email is not null
group by agent.email
having count(distinct agent.user_id) = 1
