-- grain: one row per owner that a record names, and '' for records without one
-- key: owner_key
with named as (
    select
        owner.owner_key,
        max(owner.owner_id) as owner_id,
        max(owner.owner_email) as owner_email,
        sum(owner.records) as records
    from prepare.named_owner as owner
    group by owner.owner_key
),

addressed as (
    select
        named.owner_key,
        named.records,
        agent.name,
        agent.active,
        case
            when named.owner_key = '' then nullif(lower(trim($default_owner)), '')
            else coalesce(
                lower(by_id.user_email),
                lower(by_text.user_email),
                lower(by_email.user_email),
                agent.email_key,
                named.owner_email
            )
        end as email
    from named
    -- An owner may be an address or a name.
    left join prepare.agent_name as by_name
        on by_name.name = named.owner_email and named.owner_id is null
    left join mapped.agents as agent
        on agent.id = coalesce(named.owner_id, by_name.agent_id)
    left join config.owners as by_id
        on by_id.owner_id = cast(coalesce(named.owner_id, by_name.agent_id) as varchar)
    left join config.owners as by_text
        on lower(trim(by_text.owner_email)) = named.owner_email
    left join config.owners as by_email
        on lower(trim(by_email.owner_email)) = agent.email_key
),

matched as (
    select
        addressed.owner_key,
        addressed.email,
        max(addressed.name) as name,
        bool_and(addressed.active) as active,
        max(addressed.records) as records,
        count(org_user.id) as users,
        count(org_user.id) filter (where org_user.is_active) as active_users,
        min(org_user.id) filter (where org_user.is_active) as active_user_id,
        min(org_user.id) as any_user_id
    from addressed
    left join prepare.org_user as org_user
        on org_user.email = addressed.email and org_user.user_type = 'Standard'
    group by addressed.owner_key, addressed.email
)

select
    matched.owner_key,
    matched.email,
    matched.name,
    matched.active,
    matched.records,
    case
        when matched.active_users = 1 then matched.active_user_id
        when matched.users = 1 then matched.any_user_id
    end as user_id,
    case
        when matched.email is null and matched.owner_key = '' then null
        when matched.email is null then 'no_email_known'
        when matched.users = 0 then 'no_user'
        when matched.active_users > 1 or (matched.active_users = 0 and matched.users > 1)
            then 'several_users'
    end as problem
from matched
