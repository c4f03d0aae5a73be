-- grain: one row per deal whose lines do not add up to its value: the rest
-- object: OpportunityLineItem
-- operation: upsert
-- key: usercom_id__c
-- cluster by: OpportunityId
-- when: $products and $line_item_mismatch = 'balancing_line'
select
    concat('balance:', t.deal_id) as usercom_id__c,
    o.id as "OpportunityId",
    e.id as "PricebookEntryId",
    cast(1 as double) as "Quantity",
    t.missing_amount as "UnitPrice",
    'Difference to the value in User.com' as "Description",
    case when o.id is null or e.id is null then 'held' end as _fate,
    case when o.id is null then 'deal_missing' when e.id is null then 'price_missing' end as _reason,
    case when o.id is null then concat('deal ', t.deal_id) end as _parent,
    'balancing_line' as _flags
from prepare.deal_total as t
left join ledger.opportunity as o
    on o.usercom_id__c = t.deal_id
left join ledger.pricebook_entry as e
    on e._key = concat('product:placeholder:', coalesce(t.iso_code, $currency))
where t.missing <> 0
