-- grain: one row per deal and person on it
-- object: OpportunityContactRole
-- operation: insert
-- key: OpportunityId, ContactId
-- cluster by: OpportunityId
select
    coalesce(o.id, concat('deal ', d.deal_id)) as "OpportunityId",
    coalesce(w.contact_id, concat('person ', d.person_id)) as "ContactId",
    d.is_main as "IsPrimary",
    case
        when w.person_id is null or o.id is null then 'held'
        when w.fate is not null then w.fate
        when w.contact_id is null then 'ignored'
    end as _fate,
    case
        when w.person_id is null then 'person_not_in_export'
        when o.id is null then 'deal_missing'
        when w.fate is not null then w.reason
        when w.contact_id is null then 'lead_on_deal_kept_in_field'
    end as _reason,
    case
        when w.person_id is not null and o.id is null then concat('deal ', d.deal_id)
        when w.contact_id is null then concat('person ', d.person_id)
    end as _parent
from prepare.deal_people as d
left join prepare.person_link as w
    on w.person_id = d.person_id
left join ledger.opportunity as o
    on o.usercom_id__c = d.deal_id
