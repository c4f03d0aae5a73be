-- grain: one row per row of the export and record of the org, with the address they are known by
-- The one place that says what of a website is its domain. A person account is no company.
with named as (
    select
        'Account' as object,
        company.id as usercom_id,
        cast(null as varchar) as salesforce_id,
        company.name,
        'domain' as basis,
        company.domain as address
    from mapped.companies as company
    where company.in_scope
    union all
    select person.target, person.id, null, null, 'email', person.email
    from prepare.person as person
    where person.fate is null
    union all
    select 'Account', null, account.id, account.name, 'domain', account.website
    from org.existing_accounts as account
    left join org.person_contacts as person
        on person.account_id = account.id
    where person.account_id is null
    union all
    select 'Contact', null, contact.id, contact.name, 'email', contact.email
    from org.existing_contacts as contact
    union all
    select 'Lead', null, lead.id, lead.name, 'email', lead.email
    from org.existing_leads as lead
),

compared as (
    select
        named.object,
        named.usercom_id,
        named.salesforce_id,
        named.name,
        named.basis,
        lower(trim(named.address)) as address
    from named
),

valued as (
    select
        compared.object,
        compared.usercom_id,
        compared.salesforce_id,
        compared.name,
        compared.basis,
        case
            when compared.basis = 'domain'
                then regexp_replace(
                    compared.address,
                    '^(?:https?:)?/*(?:www\.)?([^/?#:]*?)\.?(?:[/?#:].*)?$',
                    '\1'
                )
            else compared.address
        end as value
    from compared
)

select
    valued.object,
    valued.usercom_id,
    valued.salesforce_id,
    valued.name,
    valued.basis,
    case
        when valued.basis <> 'domain' or free_mail.domain is null then valued.value
    end as value
from valued
left join prepare.free_mail_domain as free_mail
    on free_mail.domain = valued.value
