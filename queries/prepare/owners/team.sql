-- grain: one row per agent in the team of a deal or company
with named as (
    select 'deal' as kind, deal.id, unnest(deal.team_ids) as agent_id
    from usercom.deals as deal
    union all
    select 'company' as kind, company.id, unnest(company.team_ids) as agent_id
    from usercom.companies as company
)

select named.kind, named.id, named.agent_id
from named
group by named.kind, named.id, named.agent_id
