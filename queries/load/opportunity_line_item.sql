-- grain: one row per line of a deal
-- source: usercom.deal_products
-- object: OpportunityLineItem
-- operation: upsert
-- key: usercom_id__c
-- link: OpportunityId
-- cluster by: OpportunityId
-- when: $products
with waiting as (
    -- The lines that are left of a deal without a value would make less than its Amount.
    select line.deal_id
    from prepare.deal_line as line
    inner join prepare.deal as deal
        on deal.id = line.deal_id
    where deal.value is null
        and line.fate is null
        and line.problem is not null
        and line.problem <> 'line_quantity_zero'
    group by line.deal_id
),

line as (
    select
        line.*,
        deal.opportunity_id,
        deal.fate as deal_fate,
        entry.id as entry_id,
        total.missing,
        waiting.deal_id is not null and line.problem is null as is_partial,
        case
            when line.id = total.first_line and total.missing = 0 then total.missing_amount
            else 0
        end as cents
    from prepare.deal_line as line
    left join prepare.deal_total as total
        on total.deal_id = line.deal_id
    left join waiting
        on waiting.deal_id = line.deal_id
    left join prepare.deal_link as deal
        on deal.deal_id = line.deal_id
    left join ledger.pricebook_entry as entry
        on entry._key = concat(line.product, ':', coalesce(line.iso_code, $currency))
)

select
    concat('line:', deal_product.id) as usercom_id__c,
    line.opportunity_id as "OpportunityId",
    line.entry_id as "PricebookEntryId",
    line.quantity as "Quantity",
    case when line.rate = 1 then line.price end as "UnitPrice",
    case when line.rate <> 1 then line.total + line.cents end as "TotalPrice",
    left(coalesce(line.description, line.name), 255) as "Description",
    deal_product.name as usercom_name__c,
    deal_product.position as usercom_position__c,
    deal_product.value as usercom_value__c,
    deal_product.currency as usercom_currency__c,
    deal_product.custom,
    make_array(
        line.fate,
        line.deal_fate,
        case
            when line.opportunity_id is null and line.deal_fate is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'deal_missing',
                    'parent', concat('deal ', line.deal_id)
                )
        end,
        case
            when line.problem is not null
                then named_struct('fate', 'held', 'reason', line.problem, 'parent', null)
        end,
        case
            when line.is_partial
                then named_struct(
                    'fate', 'held',
                    'reason', 'another_line_waits',
                    'parent', concat('deal ', line.deal_id)
                )
        end,
        case
            when line.missing <> 0 and $line_item_mismatch = 'hold_lines'
                then named_struct(
                    'fate', 'held',
                    'reason', 'lines_do_not_add_up',
                    'parent', concat('deal ', line.deal_id)
                )
        end,
        case
            when line.entry_id is null and line.problem is distinct from 'line_without_price'
                then named_struct('fate', 'held', 'reason', 'price_missing', 'parent', null)
        end
    ) as _fate,
    concat_ws(
        ';',
        case when line.product = 'product:placeholder' then 'placeholder_product' end,
        case when line.other_currency then 'line_currency_converted' end,
        case when line.missing <> 0 then 'lines_do_not_add_up' end,
        case when line.is_list_price then 'price_from_list' end,
        case when line.cents <> 0 then 'rounded_to_the_amount' end
    ) as _flags
from mapped.deal_products as deal_product
inner join line
    on line.id = deal_product.id
