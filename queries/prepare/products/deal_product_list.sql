-- grain: one row per deal with products of its own: their names
-- key: deal_id
with named as (
    select deal.id as deal_id, unnest(deal.product_ids) as product_id
    from usercom.deals as deal
)

select
    named.deal_id,
    array_to_string(
        array_sort(
            array_agg(
                distinct coalesce(
                    nullif(trim(product.name), ''),
                    product.code,
                    concat('product ', named.product_id)
                )
            )
        ),
        '; '
    ) as names
from named
left join usercom.products as product
    on product.id = named.product_id
where named.product_id is not null
group by named.deal_id
