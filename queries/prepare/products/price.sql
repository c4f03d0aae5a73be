-- grain: one row per product and currency of the org: its price, where it has one
-- key: product
with named as (
    select
        concat('product:', product.id) as product,
        currency.iso_code,
        cast(product.price * currency.rate as decimal(20, 2)) as list_price,
        cast(null as decimal(20, 2)) as line_price,
        currency.rate <> 1 and product.price is not null as converted,
        case
            when product.price is null then unread.reason
            when currency.rate is null then 'currency_without_rate'
        end as problem,
        case
            when product.price is not null and currency.rate is null then currency.currency
        end as lacking
    from mapped.products as product
    inner join prepare.currency as currency
        on currency.currency = coalesce(product.currency_code, $currency)
    left join prepare.unread_sum as unread
        on unread.source = 'products' and unread.id = product.id
    union all
    select
        line.product,
        line.iso_code,
        null,
        case
            when line.rate = 1 then line.price
            when abs(line.price) < 1e14 then cast(line.price * line.rate as decimal(20, 2))
        end,
        false,
        null,
        null
    from prepare.deal_line as line
    union all
    select 'product:placeholder', total.iso_code, null, 0, false, null, null
    from prepare.deal_total as total
    where total.missing <> 0
)

select
    named.product,
    named.iso_code,
    coalesce(max(named.list_price), max(named.line_price)) as price,
    case
        when coalesce(max(named.list_price), max(named.line_price)) is null
            then named_struct(
                'fate', 'held',
                'reason', max(named.problem),
                'parent', coalesce(max(named.lacking), named.product)
            )
    end as fate,
    concat_ws(
        ';',
        case when bool_or(named.converted) then 'amount_converted' end,
        case
            when max(named.list_price) is null
                and max(named.line_price) is not null
                and named.product <> 'product:placeholder'
                then 'price_from_line'
        end
    ) as flags
from named
group by named.product, named.iso_code
having coalesce(max(named.list_price), max(named.line_price)) is not null
    or max(named.problem) is not null
