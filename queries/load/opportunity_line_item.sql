-- grain: one row per line of a deal
-- source: usercom.deal_products
-- object: OpportunityLineItem
-- operation: upsert
-- key: usercom_id__c
-- cluster by: OpportunityId
-- when: $products
with line as (
    select
        l.*,
        o.id as opportunity_id,
        e.id as entry_id,
        case
            when o.id is null then 'deal_missing'
            when l.problem is not null then l.problem
            when t.missing <> 0 and $line_item_mismatch = 'hold_lines' then 'lines_do_not_add_up'
            when e.id is null then 'price_missing'
        end as reason,
        t.missing,
        case when l.id = t.first_line and t.missing = 0 then t.missing_amount else 0 end as cents
    from prepare.deal_line as l
    left join prepare.deal_total as t
        on t.deal_id = l.deal_id
    left join ledger.opportunity as o
        on o.usercom_id__c = l.deal_id
    left join ledger.pricebook_entry as e
        on e._key = concat(l.product, ':', coalesce(l.iso_code, $currency))
)

select
    concat('line:', l.id) as usercom_id__c,
    l.opportunity_id as "OpportunityId",
    l.entry_id as "PricebookEntryId",
    l.quantity as "Quantity",
    case when l.rate = 1 then l.price end as "UnitPrice",
    case when l.rate <> 1 then round(l.total + l.cents, 2) end as "TotalPrice",
    left(coalesce(l.description, l.name), 255) as "Description",
    case when not d.in_scope then 'out_of_scope' when l.reason is not null then 'held' end as _fate,
    case when not d.in_scope then 'scope' else l.reason end as _reason,
    case when l.reason in ('deal_missing', 'lines_do_not_add_up') then concat('deal ', l.deal_id) end as _parent,
    concat_ws(
        ';',
        case when l.product = 'product:placeholder' then 'placeholder_product' end,
        case when l.missing <> 0 then 'lines_do_not_add_up' end,
        case when l.cents <> 0 then 'rounded_to_the_amount' end
    ) as _flags
from mapped.deal_products as d
inner join line as l
    on l.id = d.id
