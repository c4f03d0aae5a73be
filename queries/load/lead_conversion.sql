-- grain: one row per person whose Lead becomes a Contact
-- source: prepare.promotion
-- object: Contact
-- operation: convert
-- key: usercom_id__c
-- api: rest
-- cluster by: AccountId
-- when: $on_promotion = 'convert'
with promoted as (
    select
        promotion.id,
        promotion.lead_id,
        person.named_company,
        person.company_problem,
        person.owner_user_id,
        matched.salesforce_id as contact_id,
        coalesce(
            matched.reason,
            case when person_account.id is not null then 'match_is_a_person_account' end
        ) as match_reason,
        coalesce(matched.records, 'contact ' || person_account.id) as records,
        case
            when matched.salesforce_id is not null then existing.account_id
            when person.named_company is not null then account.id
            when $companyless_customers = 'placeholder_account' then placeholder.id
        end as account_id
    from prepare.promotion as promotion
    inner join prepare.person as person
        on person.id = promotion.id
    left join ledger.account as account
        on account.usercom_id__c = person.company_id
    left join ledger.placeholder_account as placeholder
        on placeholder.usercom_id__c = 'placeholder'
    left join prepare.match_result as matched
        on matched.target = 'Contact' and matched.id = person.id
    left join org.existing_contacts as existing
        on left(existing.id, 15) = left(matched.salesforce_id, 15)
    left join org.person_contacts as person_account
        on left(person_account.id, 15) = left(matched.salesforce_id, 15)
),

status as (
    select first_value(status.master_label order by status.sort_order) as name
    from org.converted_statuses as status
)

select
    promoted.id as usercom_id__c,
    promoted.account_id as "AccountId",
    promoted.owner_user_id as "OwnerId",
    promoted.lead_id as _lead,
    promoted.contact_id as _contact,
    coalesce(nullif($promoted_status, ''), status.name) as _status,
    make_array(
        case
            when promoted.match_reason is not null
                then named_struct(
                    'fate', 'held', 'reason', promoted.match_reason, 'parent', promoted.records
                )
        end,
        case
            when promoted.account_id is null and promoted.named_company is not null
                then named_struct(
                    'fate', 'held',
                    'reason', coalesce(promoted.company_problem, 'account_missing'),
                    'parent', 'company ' || promoted.named_company
                )
            when promoted.account_id is null
                then named_struct(
                    'fate', 'held', 'reason', 'conversion_needs_a_company', 'parent', null
                )
        end
    ) as _fate
from promoted
cross join status
