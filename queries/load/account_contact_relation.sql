-- grain: one row per person and further company; Salesforce itself relates the direct one
-- source: prepare.further_company by company_id, person_id
-- object: AccountContactRelation
-- operation: insert
-- key: AccountId, ContactId
-- link: AccountId, ContactId
-- cluster by: AccountId
-- when: $company_links = 'relations'
-- feature: needs Contacts to Multiple Accounts in Setup; without it set company_links = "none"
select
    coalesce(company.account_id, concat('company ', further.company_id)) as "AccountId",
    coalesce(link.contact_id, concat('person ', further.person_id)) as "ContactId",
    concat_ws('|', further.company_id, further.person_id) as _source,
    make_array(
        link.fate,
        case
            when link.person_id is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'person_not_in_export',
                    'parent', concat('person ', further.person_id)
                )
            when link.contact_id is null and link.fate is null
                then named_struct(
                    'fate', 'ignored',
                    'reason', 'lead_keeps_companies_in_field',
                    'parent', concat('person ', further.person_id)
                )
        end,
        company.fate,
        case
            when company.company_id is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'company_missing',
                    'parent', concat('company ', further.company_id)
                )
        end
    ) as _fate
from prepare.further_company as further
left join prepare.person_link as link
    on link.person_id = further.person_id
left join prepare.company_link as company
    on company.company_id = further.company_id
