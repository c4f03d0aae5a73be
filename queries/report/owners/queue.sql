-- grain: one row per owner of the export: what is his, and which user of the org he becomes
-- An owner may be named by the name of an agent that no other one has.
with agent as (
    select
        agent.id,
        agent.name,
        lower(trim(agent.email)) as email,
        case
            when count(*) over (partition by lower(trim(agent.name))) = 1
                then lower(trim(agent.name))
        end as only_name
    from usercom.agents as agent
),

named as (
    select
        owner.source,
        owner."rows",
        coalesce(owner.id, agent.id) as id,
        coalesce(agent.email, lower(trim(owner.email))) as email,
        agent.name
    from staged.owners as owner
    left join agent
        on agent.id = owner.id
        or (
            owner.id is null
            and lower(trim(owner.email)) in (agent.email, agent.only_name)
        )
),

counted as (
    select
        named.id,
        named.email,
        max(named.name) as name,
        coalesce(sum(named."rows") filter (where named.source = 'people'), 0) as people,
        coalesce(sum(named."rows") filter (where named.source = 'companies'), 0) as companies,
        coalesce(sum(named."rows") filter (where named.source = 'deals'), 0) as deals,
        coalesce(sum(named."rows") filter (where named.source = 'activities'), 0) as activities,
        sum(named."rows") as records
    from named
    group by named.id, named.email
),

decided as (
    select
        counted.*,
        coalesce(max(decision.user_email), counted.email) as user_email,
        max(decision.user_email) is not null as by_decision
    from counted
    left join config.owners as decision
        on cast(decision.owner_id as bigint) = counted.id
        or lower(decision.owner_email) = counted.email
    group by
        counted.id, counted.email, counted.name, counted.people, counted.companies,
        counted.deals, counted.activities, counted.records
),

met as (
    select count(*) as users
    from org.addresses as address
),

users as (
    select address.email, bool_or(address.is_active) as is_active
    from org.addresses as address
    group by address.email
)

select
    cast(decided.id as varchar) as owner,
    decided.name,
    decided.email,
    case
        when decided.user_email is null then 'nobody yet: decide in config/owners.csv'
        when decided.by_decision then concat(decided.user_email, ', by config/owners.csv')
        else concat('the user with the address ', decided.user_email)
    end as becomes,
    case
        when met.users = 0 then 'not known: the org was not met'
        when users.email is null then 'no: records wait'
        when users.is_active then 'yes'
        else 'yes, inactive'
    end as has_a_user,
    decided.people,
    decided.companies,
    decided.deals,
    decided.activities,
    decided.records - decided.people - decided.companies - decided.deals - decided.activities
        as others,
    decided.records
from decided
cross join met
left join users
    on users.email = lower(trim(decided.user_email))
order by decided.records desc, owner, decided.email
