-- grain: one row per owner that records of the export name, with the records
-- An owner whose number is no agent of the export has no address. `_name` is no decision's key.
with agent as (
    select
        agent.id,
        trim(agent.name) as name,
        lower(trim(agent.email)) as email,
        case
            when count(*) over (partition by lower(trim(agent.name))) = 1
                then lower(trim(agent.name))
        end as only_name
    from usercom.agents as agent
),

named as (
    select
        coalesce(agent.email, lower(trim(owner.email))) as address,
        coalesce(agent.id, owner.id) as id,
        agent.name,
        owner.rows
    from prepare.assigned_owner as owner
    left join agent
        on agent.id = owner.id or lower(trim(owner.email)) in (agent.email, agent.only_name)
)

select
    cast(max(named.id) as varchar) as owner_id,
    named.address as owner_email,
    max(named.name) as _name,
    sum(named.rows) as rows
from named
group by named.address, case when named.address is null then named.id end
order by rows desc, owner_email, owner_id
