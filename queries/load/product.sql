-- grain: one row per product
-- source: usercom.products
-- object: Product2
-- operation: upsert
-- key: usercom_id__c
-- when: $products
select
    concat('product:', product.id) as usercom_id__c,
    coalesce(
        nullif(trim(product.name), ''),
        nullif(trim(product.code), ''),
        concat('Product ', product.id)
    ) as "Name",
    product.code as "ProductCode",
    product.description as "Description",
    product.family as "Family",
    coalesce(product.active, true) as "IsActive",
    product.custom_id as usercom_custom_id__c,
    product.created_at as usercom_created_at__c,
    product.custom,
    cast(null as timestamp) as usercom_deleted_at__c,
    case
        when not product.in_scope
            then named_struct('fate', 'out_of_scope', 'reason', 'scope', 'parent', null)
    end as _fate,
    concat_ws(
        ';',
        reading.flags,
        case
            when product.price is null and reading.flags is null then 'product_without_price'
        end
    ) as _flags
from mapped.products as product
left join prepare.reading_flag as reading
    on reading.source = 'products' and reading.id = product.id
