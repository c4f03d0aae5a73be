-- grain: one row per line of a deal: its product, and what it costs in the currencies of deal and Opportunity
-- key: id
with line as (
    select
        l.id,
        l.deal_id,
        l.name,
        l.description,
        coalesce(p.id, q.id) as product_id,
        coalesce(l.quantity, 1) as quantity,
        coalesce(
            cast(l.price as double),
            cast(l.value as double) / nullif(coalesce(l.quantity, 1), 0),
            cast(p.price as double),
            cast(q.price as double)
        ) as price
    from usercom.deal_products as l
    left join usercom.products as p
        on p.id = l.product_id
    left join usercom.products as q
        on q.custom_id = l.product_custom_id
)

select
    l.id,
    l.deal_id,
    l.name,
    l.description,
    case when l.product_id is null then 'product:placeholder' else concat('product:', l.product_id) end as product,
    d.iso_code,
    d.rate,
    l.quantity,
    round(l.price, 2) as price,
    round(l.quantity * round(l.price, 2), 2) as deal_total,
    round(round(l.quantity * round(l.price, 2), 2) * d.rate, 2) as total,
    case
        when l.quantity = 0 then 'line_quantity_zero'
        when l.price is null then 'line_without_price'
    end as problem
from line as l
left join prepare.deal as d
    on d.id = l.deal_id
