-- grain: one row per line of a deal: its product and its price
-- key: id
-- The price is in the currency of the deal, the total in that of the Opportunity.
with priced as (
    select
        line.id,
        line.deal_id,
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
        coalesce(line.price, line.value) is null as is_list_price
    from usercom.deal_products as line
    left join usercom.products as by_id
        on by_id.id = line.product_id
    left join usercom.products as by_custom_id
        on by_custom_id.custom_id = line.product_custom_id
)

select
    priced.id,
    priced.deal_id,
    priced.name,
    priced.description,
    case
        when priced.product_id is null then 'product:placeholder'
        else concat('product:', priced.product_id)
    end as product,
    deal.iso_code,
    deal.rate,
    priced.quantity,
    round(priced.price, 2) as price,
    priced.is_list_price and priced.price is not null as is_list_price,
    round(priced.quantity * round(priced.price, 2), 2) as deal_total,
    round(round(priced.quantity * round(priced.price, 2), 2) * deal.rate, 2) as total,
    case
        when priced.quantity = 0 then 'line_quantity_zero'
        when priced.price is null then 'line_without_price'
        -- The lines of a deal without a value would become its Amount.
        when priced.is_list_price and deal.value is null and $list_prices = 'hold'
            then 'price_from_list'
    end as problem
from priced
left join prepare.deal as deal
    on deal.id = priced.deal_id
