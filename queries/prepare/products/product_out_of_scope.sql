-- grain: one row per product outside [scope] that no run has loaded: why its prices and lines stay
-- key: product
select
    concat('product:', product.id) as product,
    named_struct(
        'fate', 'out_of_scope',
        'reason', 'product_out_of_scope',
        'parent', concat('product:', product.id)
    ) as fate
from mapped.products as product
left join known.product as loaded
    on loaded.key = concat('product:', product.id)
where not product.in_scope and loaded.id is null
