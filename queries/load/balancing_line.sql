-- grain: one row per deal whose lines do not add up to its value: the rest
-- source: prepare.deal_total where missing <> 0
-- object: OpportunityLineItem
-- operation: upsert
-- key: usercom_id__c
-- link: OpportunityId
-- cluster by: OpportunityId
-- when: $products and $line_item_mismatch = 'balancing_line'
select
    concat('balance:', total.deal_id) as usercom_id__c,
    deal.opportunity_id as "OpportunityId",
    entry.id as "PricebookEntryId",
    cast(1 as double) as "Quantity",
    total.missing_amount as "UnitPrice",
    'Difference to the value in User.com' as "Description",
    make_array(
        deal.fate,
        case
            when entry.id is null
                then named_struct('fate', 'held', 'reason', 'price_missing', 'parent', null)
        end
    ) as _fate,
    'balancing_line' as _flags
from prepare.deal_total as total
left join prepare.deal_link as deal
    on deal.deal_id = total.deal_id
left join ledger.pricebook_entry as entry
    on entry._key = concat('product:placeholder:', coalesce(total.iso_code, $currency))
where total.missing <> 0
