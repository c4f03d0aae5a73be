-- grain: one row per person that becomes a Contact: its Account, and all that keeps it back
-- key: id
select
    person.*,
    lead.id as lead_id,
    -- A person account is the account of its contact.
    case
        when person_account.id is not null then null
        when person.named_company is not null then account.id
        when $companyless_customers = 'placeholder_account' then placeholder.id
    end as account_id,
    person_account.id is not null as is_person_account,
    coalesce(matched.same, false) or converted.id is not null as same,
    case
        when converted.holder_key is null then coalesce(converted.id, matched.salesforce_id)
    end as salesforce_id,
    matched.records,
    converted.is_deleted and matched.salesforce_id is null as is_deleted,
    case when converted.id is null then matched.reason end as match_reason,
    case when converted.id is null then matched.flag end as match_flag,
    make_array(
        person.fate,
        case
            when lead.live = 'live'
                and converted.id is null
                and $on_promotion <> 'create_and_link'
                then named_struct(
                    'fate', 'held',
                    'reason', case $on_promotion
                        when 'convert' then 'lead_not_converted'
                        else 'is_a_lead_already'
                    end,
                    'parent', 'lead ' || lead.id
                )
            when lead.live = 'merged'
                or lead.live = 'deleted'
                and not coalesce(
                    recreated.is_any or array_has(recreated.ids, left(lead.id, 15)), false
                )
                then named_struct(
                    'fate', 'held',
                    'reason', concat(lead.live, '_in_salesforce'),
                    'parent', 'lead ' || lead.id
                )
        end,
        case
            when converted.holder_key is not null
                then named_struct(
                    'fate', 'held',
                    'reason', 'contact_of_another_person',
                    'parent', 'person ' || converted.holder_key
                )
        end,
        case
            when person.named_company is not null
                and account.id is null
                and person_account.id is null
                then named_struct(
                    'fate', 'held',
                    'reason', coalesce(person.company_problem, 'account_missing'),
                    'parent', 'company ' || person.named_company
                )
            when person.named_company is null
                and $companyless_customers = 'hold'
                and not coalesce(matched.same, false)
                and converted.id is null
                then named_struct(
                    'fate', 'held', 'reason', 'customer_without_company', 'parent', null
                )
        end
    ) as fates
from prepare.person as person
left join ledger.account as account
    on account.usercom_id__c = person.company_id
left join ledger.placeholder_account as placeholder
    on placeholder.usercom_id__c = 'placeholder'
left join ledger.lead as lead
    on lead.usercom_id__c = person.id and lead.id is not null
left join prepare.converted_lead as converted
    on converted.person_id = person.id
left join prepare.recreated_person as recreated
    on recreated.key = cast(person.id as varchar)
left join prepare.match_result as matched
    on matched.target = 'Contact' and matched.id = person.id
left join known.contact as loaded
    on loaded.number = person.id
left join org.person_contacts as person_account
    on left(person_account.id, 15)
    = left(coalesce(loaded.id, converted.id, matched.salesforce_id), 15)
where person.target = 'Contact'
