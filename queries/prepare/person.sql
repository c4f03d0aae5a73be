-- grain: one row per person: where it goes and why, its name, company and owner
-- key: id
with person as (
    select
        p.id,
        p.in_scope,
        nullif(trim(p.first_name), '') as first_name,
        nullif(trim(p.last_name), '') as last_name,
        nullif(trim(p.name), '') as name,
        nullif(split_part(trim(p.name), ' ', -1), '') as last_word,
        nullif(trim(p.email), '') as email,
        nullif(trim(p.phone_number), '') as phone,
        nullif(lower(trim(p.lifecycle_stage)), '') as stage,
        coalesce(cast(p.assigned_to_id as varchar), lower(trim(p.assigned_to_email)), '') as owner_key
    from mapped.people as p
),

judged as (
    select
        p.*,
        l.target as stage_target,
        c.company_id,
        c.company_name,
        c.named_company,
        o.user_id as owner_user_id,
        d.person_id is not null and $people_on_deals = 'contact' as promoted
    from person as p
    left join prepare.person_company as c
        on c.id = p.id
    left join prepare.deal_person as d
        on d.person_id = p.id
    left join config.lifecycle as l
        on lower(trim(l.lifecycle_stage)) = p.stage
    left join prepare.owner as o
        on o.owner_key = p.owner_key
)

select
    j.id,
    case
        when j.stage_target = 'Contact' or (j.stage_target = 'Lead' and j.promoted) then 'Contact'
        else 'Lead'
    end as target,
    case
        when j.stage is null then 'lifecycle_missing'
        when j.stage_target is null then 'lifecycle_unknown'
        when j.stage_target = 'Lead' and j.promoted then 'has_deal'
        else 'lifecycle_' || j.stage
    end as reason,
    case
        when not j.in_scope then 'out_of_scope'
        when j.email is null and j.phone is null and not $migrate_passive then 'passive'
        when j.stage_target is null then 'held'
    end as fate,
    coalesce(
        j.first_name,
        case
            when j.last_name is null
                then nullif(trim(substr(j.name, 1, char_length(j.name) - char_length(j.last_word))), '')
            when ends_with(lower(j.name), lower(' ' || j.last_name))
                then nullif(trim(substr(j.name, 1, char_length(j.name) - char_length(j.last_name))), '')
        end
    ) as first_name,
    coalesce(
        j.last_name,
        j.last_word,
        nullif(split_part(j.email, '@', 1), '')
    ) as last_name,
    case
        when j.last_name is not null or j.last_word is not null then null
        when split_part(j.email, '@', 1) <> '' then 'last_name_from_email'
        else 'last_name_from_default'
    end as name_flag,
    j.email,
    j.phone,
    nullif(split_part(j.email, '@', 2), '') as email_domain,
    j.company_id,
    j.company_name,
    j.named_company,
    j.owner_key,
    j.owner_user_id
from judged as j
