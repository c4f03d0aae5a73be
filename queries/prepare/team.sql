-- grain: one row per agent in the team of a deal or company
with named as (
    select 'deal' as kind, d.id, unnest(d.team_ids) as agent_id
    from usercom.deals as d
    union all
    select 'company' as kind, c.id, unnest(c.team_ids) as agent_id
    from usercom.companies as c
)

select n.kind, n.id, n.agent_id
from named as n
group by n.kind, n.id, n.agent_id
