-- grain: one row per owner that a record names, and '' for records without one
-- key: owner_key
with owners as (
    select
        coalesce(cast(n.owner_id as varchar), n.owner_email, '') as owner_key,
        max(n.owner_id) as owner_id,
        max(n.owner_email) as owner_email,
        sum(n.records) as records
    from prepare.named_owner as n
    group by coalesce(cast(n.owner_id as varchar), n.owner_email, '')
),

addressed as (
    select
        o.owner_key,
        o.records,
        a.name,
        a.active,
        case
            when o.owner_key = '' then nullif(lower(trim($default_owner)), '')
            else lower(trim(coalesce(x.user_email, y.user_email, a.email, o.owner_email)))
        end as email
    from owners as o
    left join usercom.agents as a
        on a.id = o.owner_id
    left join config.owners as x
        on x.owner_id = cast(o.owner_id as varchar)
    left join config.owners as y
        on lower(trim(y.owner_email)) = coalesce(lower(trim(a.email)), o.owner_email)
),

users as (
    select
        u.id,
        u.is_active,
        regexp_replace(lower(trim(u.email)), '\.invalid$', '') as email
    from org.users as u
    where u.user_type = 'Standard'
),

matched as (
    select
        a.owner_key,
        a.email,
        max(a.name) as name,
        bool_and(a.active) as active,
        max(a.records) as records,
        count(u.id) as users,
        count(u.id) filter (where u.is_active) as active_users,
        min(u.id) filter (where u.is_active) as active_user_id,
        min(u.id) as any_user_id
    from addressed as a
    left join users as u
        on u.email = a.email
    group by a.owner_key, a.email
)

select
    m.owner_key,
    m.email,
    m.name,
    m.active,
    m.records,
    case
        when m.active_users = 1 then m.active_user_id
        when m.users = 1 then m.any_user_id
    end as user_id,
    case
        when m.email is null and m.owner_key = '' then null
        when m.email is null then 'no_email_known'
        when m.users = 0 then 'no_user'
        when m.active_users > 1 or (m.active_users = 0 and m.users > 1) then 'several_users'
    end as problem
from matched as m
