-- grain: one row per owner that records of the export name, with the records
-- An owner whose number is no agent of the export has no address. `_name` is no decision's key.
with named as (
    select
        lower(trim(coalesce(agent.email, owner.email))) as address,
        coalesce(agent.id, owner.id) as id,
        trim(agent.name) as name,
        owner.rows
    from prepare.assigned_owner as owner
    left join usercom.agents as agent
        on agent.id = owner.id or lower(trim(agent.email)) = lower(trim(owner.email))
)

select
    cast(max(named.id) as varchar) as owner_id,
    named.address as owner_email,
    max(named.name) as _name,
    sum(named.rows) as rows
from named
group by named.address, case when named.address is null then named.id end
order by rows desc, owner_email, owner_id
