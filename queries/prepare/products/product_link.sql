-- grain: one row per product, and the placeholder: the record it became, or why there is none
-- key: product
with loaded as (
    select concat('product:', product.id) as product, loaded.id as product2_id
    from usercom.products as product
    left join ledger.product as loaded
        on loaded.usercom_id__c = concat('product:', product.id)
    union all
    select placeholder.usercom_id__c, placeholder.id
    from ledger.placeholder_product as placeholder
)

select
    loaded.product,
    loaded.product2_id,
    case
        when loaded.product2_id is null and left_out.fate is not null then left_out.fate
        when loaded.product2_id is null
            then named_struct(
                'fate', 'held', 'reason', 'product_missing', 'parent', loaded.product
            )
    end as fate
from loaded
left join prepare.product_out_of_scope as left_out
    on left_out.product = loaded.product
