-- grain: one row per contact and further company; Salesforce makes the relation to the direct one by itself
-- object: AccountContactRelation
-- operation: insert
-- key: AccountId, ContactId
-- cluster by: AccountId
-- when: $company_links = 'relations'
-- feature: needs Contacts to Multiple Accounts in Setup; without it set company_links = "none"
with named as (
    select p.id as person_id, unnest(p.company_ids) as company_id
    from usercom.people as p
),

further as (
    select n.person_id, n.company_id
    from named as n
    inner join prepare.person as p
        on p.id = n.person_id
    where p.target = 'Contact' and p.company_id is distinct from n.company_id
    group by n.person_id, n.company_id
)

select
    coalesce(a.id, concat('company ', f.company_id)) as "AccountId",
    coalesce(w.contact_id, concat('person ', f.person_id)) as "ContactId",
    case
        when w.fate is not null then w.fate
        when a.id is null then 'held'
    end as _fate,
    case
        when w.fate is not null then w.reason
        when a.id is null then 'company_missing'
    end as _reason,
    case
        when w.fate is not null then concat('person ', f.person_id)
        when a.id is null then concat('company ', f.company_id)
    end as _parent
from further as f
inner join prepare.person_link as w
    on w.person_id = f.person_id
left join ledger.account as a
    on a.usercom_id__c = f.company_id
