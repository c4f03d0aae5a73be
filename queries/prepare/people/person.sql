-- grain: one row per person: where it goes and why, its name, company and owner
-- key: id
with named as (
    select
        person.id,
        person.in_scope,
        person.scope_reason,
        name.first_name,
        name.last_name,
        name.salutation,
        name.suffix,
        name.whole as whole_name,
        name.flags as name_flags,
        shared.people as sharing_people,
        nullif(trim(person.email), '') as email,
        nullif(trim(person.phone_number), '') as phone,
        person.lifecycle_stage_key as stage,
        person.owner_key
    from mapped.people as person
    inner join prepare.person_name as name
        on name.id = person.id
    left join prepare.shared_email as shared
        on shared.email = person.email_key
),

judged as (
    select
        named.*,
        nullif(lifecycle.target, 'Hold') as stage_target,
        lifecycle.target = 'Hold' as on_hold,
        company.company_id,
        company.company_name,
        company.named_company,
        company.problem as company_problem,
        company.is_from_company,
        left_out.fate as company_fate,
        owner.user_id as owner_user_id,
        with_deal.person_id is not null and $people_on_deals = 'contact' as has_deal,
        contact.id is not null as is_contact,
        coalesce(lead.live = 'converted', false) as is_converted,
        -- Who is in the org already is told there what changed, with an address or without one.
        coalesce(contact.live = 'live' or lead.live in ('live', 'converted'), false) as is_known,
        conversion.id is not null as is_promoted
    from named
    left join prepare.person_company as company
        on company.id = named.id
    left join prepare.company_out_of_scope as left_out
        on left_out.company_id = company.company_id
    left join prepare.person_with_deal as with_deal
        on with_deal.person_id = named.id
    left join config.lifecycle as lifecycle
        on lower(lifecycle.lifecycle_stage) = named.stage
    left join prepare.owner as owner
        on owner.owner_key = named.owner_key
    left join known.contact as contact
        on contact.number = named.id
    left join known.lead as lead
        on lead.number = named.id
    left join known.lead_conversion as conversion
        on conversion.number = named.id
),

split as (
    select
        judged.*,
        case
            when judged.stage_target = 'Contact' then 'Contact'
            when judged.stage_target = 'Lead' and judged.has_deal then 'Contact'
            when judged.is_contact or judged.is_converted then 'Contact'
            else 'Lead'
        end as target,
        case
            when judged.stage is null then 'lifecycle_missing'
            when judged.on_hold then 'lifecycle_on_hold'
            when judged.stage_target is null then 'lifecycle_unknown'
            when judged.stage_target = 'Lead' and judged.has_deal then 'has_deal'
            when judged.stage_target = 'Contact' then 'lifecycle_' || judged.stage
            when judged.is_converted and not judged.is_promoted then 'lead_was_converted'
            when judged.is_contact or judged.is_converted then 'is_a_contact_already'
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
                'fate', 'out_of_scope',
                'reason', split.scope_reason,
                'parent', cast(null as varchar)
            )
        when split.email is null
            and split.phone is null
            and not split.is_known
            and not $migrate_passive
            then named_struct('fate', 'passive', 'reason', 'no_email_no_phone', 'parent', null)
        when split.stage_target is null
            then named_struct('fate', 'held', 'reason', split.reason, 'parent', null)
        -- A Lead has its company as a text.
        when split.target = 'Contact' and split.company_fate is not null then split.company_fate
    end as fate,
    split.first_name,
    coalesce(split.last_name, nullif(split_part(split.email, '@', 1), '')) as last_name,
    split.salutation,
    split.suffix,
    split.whole_name,
    case
        when split.last_name is not null then null
        when split_part(split.email, '@', 1) <> '' then 'last_name_from_email'
        else 'last_name_from_default'
    end as name_flag,
    concat_ws(
        ';',
        nullif(split.name_flags, ''),
        case when split.sharing_people > 1 then 'address_of_several_people' end,
        case when split.is_from_company then 'company_names_the_person' end,
        case when split.reason = 'is_a_contact_already' then 'demoted_in_source' end
    ) as flags,
    split.email,
    split.phone,
    case
        when free_mail.domain is null
            and regexp_like(
                split_part(split.email, '@', 2),
                '^[\p{L}\p{N}][\p{L}\p{N}.-]*[.]\p{L}[\p{L}\p{N}-]+$'
            )
            then split_part(split.email, '@', 2)
    end as email_domain,
    split.company_id,
    split.company_name,
    split.named_company,
    split.company_problem,
    split.owner_key,
    split.owner_user_id
from split
left join prepare.free_mail_domain as free_mail
    on free_mail.domain = lower(split_part(split.email, '@', 2))
