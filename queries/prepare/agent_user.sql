-- grain: one row per agent with a Salesforce user
-- key: agent_id
select
    a.id as agent_id,
    lower(trim(a.email)) as email,
    o.user_id
from usercom.agents as a
inner join prepare.owner as o
    on o.owner_key = cast(a.id as varchar)
where o.user_id is not null
