-- grain: one row per line of a deal: its product and its price
-- key: id
-- The price is in the currency of the deal, whatever the line's; the total in that of the
-- Opportunity.
with priced as (
    select
        line.id,
        line.deal_id,
        line.in_scope,
        line.scope_reason,
        line.name,
        line.description,
        coalesce(by_id.id, by_custom_id.id) as product_id,
        coalesce(line.quantity, 1) as quantity,
        coalesce(
            cast(line.price as double),
            cast(line.value as double) / nullif(coalesce(line.quantity, 1), 0),
            cast(by_id.price as double),
            cast(by_custom_id.price as double)
        ) as price,
        coalesce(line.price, line.value) is null as is_list_price,
        case
            when coalesce(line.price, line.value) is not null then line.currency_code
            when by_id.price is not null then coalesce(by_id.currency_code, $currency)
            else coalesce(by_custom_id.currency_code, $currency)
        end as currency,
        unread.reason as unread
    from mapped.deal_products as line
    left join mapped.products as by_id
        on by_id.id = line.product_id
    left join mapped.products as by_custom_id
        on by_custom_id.custom_id = line.product_custom_id
    left join prepare.unread_sum as unread
        on unread.source = 'deal_products' and unread.id = line.id
),

converted as (
    select
        priced.*,
        deal.iso_code,
        deal.rate,
        deal.value as deal_value,
        case
            when priced.product_id is null then 'product:placeholder'
            else concat('product:', priced.product_id)
        end as product,
        case
            when priced.currency is null or deal.id is null or priced.currency = deal.currency
                then 1
            else line_rate.rate / nullif(deal_rate.rate, 0)
        end as line_rate,
        priced.currency <> deal.currency as other_currency
    from priced
    left join prepare.deal as deal
        on deal.id = priced.deal_id
    left join prepare.exchange_rate as line_rate
        on line_rate.currency = priced.currency
    left join prepare.exchange_rate as deal_rate
        on deal_rate.currency = deal.currency
)

select
    converted.id,
    converted.deal_id,
    converted.name,
    converted.description,
    converted.product,
    converted.iso_code,
    converted.rate,
    converted.quantity,
    converted.other_currency,
    round(converted.price * converted.line_rate, 2) as price,
    converted.is_list_price and converted.price is not null as is_list_price,
    round(
        converted.quantity * round(converted.price * converted.line_rate, 2), 2
    ) as deal_total,
    round(
        round(converted.quantity * round(converted.price * converted.line_rate, 2), 2)
        * converted.rate,
        2
    ) as total,
    case
        when not converted.in_scope
            then named_struct(
                'fate', 'out_of_scope',
                'reason', converted.scope_reason,
                'parent', cast(null as varchar)
            )
        when left_out.fate is not null then left_out.fate
    end as fate,
    case
        when converted.unread is not null then converted.unread
        when converted.quantity = 0 then 'line_quantity_zero'
        when converted.price is null then 'line_without_price'
        when converted.line_rate is null then 'line_currency_without_rate'
        -- The lines of a deal without a value would become its Amount.
        when converted.is_list_price and converted.deal_value is null and $list_prices = 'hold'
            then 'price_from_list'
    end as problem
from converted
left join prepare.product_out_of_scope as left_out
    on left_out.product = converted.product
