-- grain: one row per agent, or address of one, with a Salesforce user
-- Who owns nothing attends events all the same, be it an agent or a user who is none.
with decided as (
    select
        agent.id as agent_id,
        agent.email_key as email,
        coalesce(
            lower(by_id.user_email), lower(by_email.user_email), agent.email_key
        ) as user_email
    from mapped.agents as agent
    left join config.owners as by_id
        on by_id.owner_id = cast(agent.id as varchar)
    left join config.owners as by_email
        on lower(trim(by_email.owner_email)) = agent.email_key
    union
    select
        try_cast(owner.owner_key as bigint) as agent_id,
        case when try_cast(owner.owner_key as bigint) is null then owner.owner_key end as email,
        owner.email as user_email
    from prepare.owner as owner
    left join mapped.agents as agent
        on agent.id = try_cast(owner.owner_key as bigint) or agent.email_key = owner.owner_key
    where owner.owner_key <> '' and agent.id is null
),

named as (
    select decided.agent_id, decided.email, decided.user_email
    from decided
    union all
    select distinct
        cast(null as bigint) as agent_id,
        org_user.email as email,
        org_user.email as user_email
    from prepare.org_user as org_user
    left join decided
        on decided.email = org_user.email
    where decided.email is null
),

matched as (
    select
        named.agent_id,
        named.email,
        count(org_user.id) as users,
        count(org_user.id) filter (where org_user.is_active) as active_users,
        min(org_user.id) filter (where org_user.is_active) as active_user_id,
        min(org_user.id) as any_user_id
    from named
    inner join prepare.org_user as org_user
        on org_user.email = named.user_email and org_user.user_type = 'Standard'
    group by named.agent_id, named.email
)

select
    matched.agent_id,
    matched.email,
    case
        when matched.active_users = 1 then matched.active_user_id
        else matched.any_user_id
    end as user_id
from matched
where matched.active_users = 1 or matched.users = 1
