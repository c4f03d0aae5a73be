-- grain: one row per contact and further company; Salesforce itself relates the direct one
-- object: AccountContactRelation
-- operation: insert
-- key: AccountId, ContactId
-- cluster by: AccountId
-- when: $company_links = 'relations'
-- feature: needs Contacts to Multiple Accounts in Setup; without it set company_links = "none"
with named as (
    select person.id as person_id, unnest(person.company_ids) as company_id
    from usercom.people as person
),

further as (
    select named.person_id, named.company_id
    from named
    inner join prepare.person as person
        on person.id = named.person_id
    where person.target = 'Contact' and person.company_id is distinct from named.company_id
    group by named.person_id, named.company_id
)

select
    coalesce(account.id, concat('company ', further.company_id)) as "AccountId",
    coalesce(link.contact_id, concat('person ', further.person_id)) as "ContactId",
    case
        when link.fate is not null then link.fate
        when account.id is null
            then named_struct(
                'fate', 'held',
                'reason', 'company_missing',
                'parent', concat('company ', further.company_id)
            )
    end as _fate
from further
inner join prepare.person_link as link
    on link.person_id = further.person_id
left join ledger.account as account
    on account.usercom_id__c = further.company_id
