-- grain: one row per line of a deal: its product and its price
-- key: id
-- The price is in the currency of the deal, whatever the line's; the total in that of the
-- Opportunity. Decimals throughout: half a cent is rounded up, whatever the currency.
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
            cast(line.price as decimal(24, 6)),
            try_cast(
                cast(line.value as double) / nullif(coalesce(line.quantity, 1), 0)
                as decimal(24, 6)
            ),
            cast(by_id.price as decimal(24, 6)),
            cast(by_custom_id.price as decimal(24, 6))
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
                then cast(1 as decimal(20, 12))
            else try_cast(line_rate.rate / nullif(deal_rate.rate, 0) as decimal(20, 12))
        end as line_rate,
        priced.currency <> deal.currency as other_currency
    from priced
    left join prepare.deal as deal
        on deal.id = priced.deal_id
    left join prepare.exchange_rate as line_rate
        on line_rate.currency = priced.currency
    left join prepare.exchange_rate as deal_rate
        on deal_rate.currency = deal.currency
),

rounded as (
    select
        converted.*,
        cast(least(greatest(converted.quantity, -1e9), 1e9) as decimal(18, 6)) as counted,
        -- What no field holds is no price.
        case
            when abs(cast(converted.price as double) * cast(converted.line_rate as double)) < 1e18
                then cast(converted.price * converted.line_rate as decimal(20, 2))
        end as unit_price
    from converted
),

summed as (
    select
        rounded.*,
        cast(rounded.counted * rounded.unit_price as decimal(30, 2)) as deal_total
    from rounded
)

select
    summed.id,
    summed.deal_id,
    summed.name,
    summed.description,
    summed.product,
    summed.iso_code,
    summed.rate,
    summed.quantity,
    summed.other_currency,
    summed.unit_price as price,
    summed.is_list_price and summed.price is not null as is_list_price,
    summed.deal_total,
    case
        when summed.rate = 1 then summed.deal_total
        when abs(summed.deal_total) < 1e16
            then cast(summed.deal_total * summed.rate as decimal(30, 2))
    end as total,
    case
        when not summed.in_scope
            then named_struct(
                'fate', 'out_of_scope',
                'reason', summed.scope_reason,
                'parent', cast(null as varchar)
            )
        when left_out.fate is not null then left_out.fate
    end as fate,
    case
        when summed.unread is not null then summed.unread
        -- The field has two decimals.
        when round(summed.quantity, 2) = 0 then 'line_quantity_zero'
        when summed.price is null then 'line_without_price'
        when summed.line_rate is null then 'line_currency_without_rate'
        when summed.unit_price is null then 'line_without_price'
        -- The lines of a deal without a value would become its Amount.
        when summed.is_list_price and summed.deal_value is null and $list_prices = 'hold'
            then 'price_from_list'
    end as problem
from summed
left join prepare.product_out_of_scope as left_out
    on left_out.product = summed.product
