-- grain: one row per item: the records it belongs to, or why it does not move
-- key: kind, id
with linked as (
    select
        i.*,
        p.contact_id,
        p.lead_id,
        p.who_id,
        p.fate as person_fate,
        p.reason as person_reason,
        a.id as account_id,
        o.id as opportunity_id
    from prepare.item as i
    left join prepare.person_link as p
        on p.person_id = i.person_id
    left join ledger.account as a
        on a.usercom_id__c = i.company_id
    left join ledger.opportunity as o
        on o.usercom_id__c = i.deal_id
)

select
    l.kind,
    l.id,
    l.contact_id,
    l.lead_id,
    l.who_id,
    l.account_id,
    l.opportunity_id,
    case when l.lead_id is null then coalesce(l.opportunity_id, l.account_id) end as what_id,
    case
        when l.lead_id is null then null
        when l.deal_id is not null then concat('deal ', l.deal_id)
        when l.company_id is not null then concat('company ', l.company_id)
    end as related_to,
    case
        when not l.in_scope then 'out_of_scope'
        when l.person_fate is not null then l.person_fate
        when l.person_id is not null and l.who_id is null then 'held'
        when l.deal_id is not null and l.opportunity_id is null then 'held'
        when l.company_id is not null and l.account_id is null then 'held'
    end as fate,
    case
        when not l.in_scope then 'scope'
        when l.person_fate is not null then l.person_reason
        when l.person_id is not null and l.who_id is null then 'person_not_in_export'
        when l.deal_id is not null and l.opportunity_id is null then 'deal_missing'
        when l.company_id is not null and l.account_id is null then 'company_missing'
    end as reason,
    case
        when not l.in_scope then null
        when l.person_id is not null and l.who_id is null then concat('person ', l.person_id)
        when l.deal_id is not null and l.opportunity_id is null then concat('deal ', l.deal_id)
        when l.company_id is not null and l.account_id is null then concat('company ', l.company_id)
    end as parent
from linked as l
