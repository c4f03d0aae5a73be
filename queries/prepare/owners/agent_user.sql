-- grain: one row per agent, or address of one, with a Salesforce user
select
    try_cast(owner.owner_key as bigint) as agent_id,
    coalesce(agent.email_key, owner.email) as email,
    owner.user_id
from prepare.owner as owner
left join mapped.agents as agent
    on agent.id = try_cast(owner.owner_key as bigint)
where owner.user_id is not null and owner.owner_key <> ''
