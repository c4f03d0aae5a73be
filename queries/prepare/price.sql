-- grain: one row per product and currency of the org: its price
-- key: product
with named as (
    select
        concat('product:', p.id) as product,
        c.iso_code,
        round(cast(p.price as double) * c.rate, 2) as list_price,
        cast(null as double) as line_price
    from usercom.products as p
    inner join prepare.currency as c
        on c.currency = coalesce(nullif(upper(trim(p.currency)), ''), $currency)
    union all
    select l.product, l.iso_code, cast(null as double), round(l.price * l.rate, 2)
    from prepare.deal_line as l
    union all
    select 'product:placeholder', t.iso_code, cast(null as double), 0
    from prepare.deal_total as t
    where t.missing <> 0
)

select
    n.product,
    n.iso_code,
    coalesce(max(n.list_price), max(n.line_price), 0) as price
from named as n
group by n.product, n.iso_code
