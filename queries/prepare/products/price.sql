-- grain: one row per product and currency of the org: its price
-- key: product
with named as (
    select
        concat('product:', product.id) as product,
        currency.iso_code,
        round(cast(product.price as double) * currency.rate, 2) as list_price,
        cast(null as double) as line_price
    from mapped.products as product
    inner join prepare.currency as currency
        on currency.currency = coalesce(product.currency_code, $currency)
    union all
    select line.product, line.iso_code, cast(null as double), round(line.price * line.rate, 2)
    from prepare.deal_line as line
    union all
    select 'product:placeholder', total.iso_code, cast(null as double), 0
    from prepare.deal_total as total
    where total.missing <> 0
)

select
    named.product,
    named.iso_code,
    coalesce(max(named.list_price), max(named.line_price), 0) as price
from named
group by named.product, named.iso_code
