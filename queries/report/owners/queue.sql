-- grain: one row per owner of the export: what is his, and which user config/owners.csv names
with owned as (
    select 'people' as kind, person.assigned_to_id as id, person.assigned_to_email as email
    from usercom.people as person
    union all
    select 'companies', company.assigned_to_id, company.assigned_to_email
    from usercom.companies as company
    union all
    select 'deals', deal.assigned_to_id, deal.assigned_to_email
    from usercom.deals as deal
    union all
    select 'activities', activity.assigned_to_id, activity.assigned_to_email
    from usercom.activities as activity
),

named as (
    select
        owned.kind,
        coalesce(owned.id, agent.id) as id,
        lower(coalesce(agent.email, owned.email)) as email,
        agent.name
    from owned
    left join usercom.agents as agent
        on agent.id = owned.id
        or (owned.id is null and lower(agent.email) = lower(owned.email))
    where owned.id is not null or owned.email is not null
),

counted as (
    select
        named.id,
        named.email,
        max(named.name) as name,
        count(*) filter (where named.kind = 'people') as people,
        count(*) filter (where named.kind = 'companies') as companies,
        count(*) filter (where named.kind = 'deals') as deals,
        count(*) filter (where named.kind = 'activities') as activities
    from named
    group by named.id, named.email
)

select
    counted.id as owner,
    counted.name,
    counted.email,
    coalesce(
        max(decision.user_email),
        'a user with this address, if the org has one: ' || counted.email,
        'nobody yet: decide in config/owners.csv'
    ) as becomes,
    counted.people,
    counted.companies,
    counted.deals,
    counted.activities
from counted
left join config.owners as decision
    on cast(decision.owner_id as bigint) = counted.id
    or lower(decision.owner_email) = counted.email
group by
    counted.id, counted.name, counted.email,
    counted.people, counted.companies, counted.deals, counted.activities
order by counted.people + counted.companies + counted.deals desc, owner, counted.email
