-- grain: one row per person: where it goes and why, its name, company and owner
-- key: id
with named as (
    select
        person.id,
        person.in_scope,
        nullif(trim(person.first_name), '') as first_name,
        nullif(trim(person.last_name), '') as last_name,
        nullif(trim(person.name), '') as name,
        nullif(split_part(trim(person.name), ' ', -1), '') as last_word,
        nullif(trim(person.email), '') as email,
        nullif(trim(person.phone_number), '') as phone,
        person.lifecycle_stage_key as stage,
        person.owner_key
    from mapped.people as person
),

judged as (
    select
        named.*,
        lifecycle.target as stage_target,
        company.company_id,
        company.company_name,
        company.named_company,
        owner.user_id as owner_user_id,
        with_deal.person_id is not null and $people_on_deals = 'contact' as promoted
    from named
    left join prepare.person_company as company
        on company.id = named.id
    left join prepare.person_with_deal as with_deal
        on with_deal.person_id = named.id
    left join config.lifecycle as lifecycle
        on lower(lifecycle.lifecycle_stage) = named.stage
    left join prepare.owner as owner
        on owner.owner_key = named.owner_key
),

split as (
    select
        judged.*,
        case
            when judged.stage_target = 'Contact' then 'Contact'
            when judged.stage_target = 'Lead' and judged.promoted then 'Contact'
            else 'Lead'
        end as target,
        case
            when judged.stage is null then 'lifecycle_missing'
            when judged.stage_target is null then 'lifecycle_unknown'
            when judged.stage_target = 'Lead' and judged.promoted then 'has_deal'
            else 'lifecycle_' || judged.stage
        end as reason
    from judged
)

select
    split.id,
    split.target,
    split.reason,
    case
        when not split.in_scope
            then named_struct(
                'fate', 'out_of_scope', 'reason', 'scope', 'parent', cast(null as varchar)
            )
        when split.email is null and split.phone is null and not $migrate_passive
            then named_struct('fate', 'passive', 'reason', 'no_email_no_phone', 'parent', null)
        when split.stage_target is null
            then named_struct('fate', 'held', 'reason', split.reason, 'parent', null)
    end as fate,
    coalesce(
        split.first_name,
        case
            when split.last_name is null
                then nullif(
                    trim(
                        substr(
                            split.name, 1, char_length(split.name) - char_length(split.last_word)
                        )
                    ),
                    ''
                )
            when ends_with(lower(split.name), lower(' ' || split.last_name))
                then nullif(
                    trim(
                        substr(
                            split.name, 1, char_length(split.name) - char_length(split.last_name)
                        )
                    ),
                    ''
                )
        end
    ) as first_name,
    coalesce(
        split.last_name,
        split.last_word,
        nullif(split_part(split.email, '@', 1), '')
    ) as last_name,
    case
        when split.last_name is not null or split.last_word is not null then null
        when split_part(split.email, '@', 1) <> '' then 'last_name_from_email'
        else 'last_name_from_default'
    end as name_flag,
    split.email,
    split.phone,
    nullif(split_part(split.email, '@', 2), '') as email_domain,
    split.company_id,
    split.company_name,
    split.named_company,
    split.owner_key,
    split.owner_user_id
from split
