-- grain: one row per owner of records of the export whose address is no user's of the org
-- An owner whose number is no agent of the export has no address.
with named as (
    select
        lower(trim(coalesce(agent.email, owner.email))) as address,
        coalesce(agent.id, owner.id) as id,
        owner.rows
    from prepare.assigned_owner as owner
    left join usercom.agents as agent
        on agent.id = owner.id or lower(trim(agent.email)) = lower(trim(owner.email))
)

select
    cast(max(named.id) as varchar) as owner_id,
    named.address as owner_email,
    sum(named.rows) as rows
from named
left join org.users as org_user
    on regexp_replace(lower(trim(org_user.email)), '\.invalid$', '') = named.address
where org_user.email is null
group by named.address, case when named.address is null then named.id end
order by rows desc, owner_email, owner_id
