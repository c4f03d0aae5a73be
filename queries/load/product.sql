-- grain: one row per product
-- source: usercom.products
-- object: Product2
-- operation: upsert
-- key: usercom_id__c
-- when: $products
select
    concat('product:', p.id) as usercom_id__c,
    coalesce(nullif(trim(p.name), ''), nullif(trim(p.code), ''), concat('Product ', p.id)) as "Name",
    p.code as "ProductCode",
    p.description as "Description",
    p.family as "Family",
    coalesce(p.active, true) as "IsActive",
    p.custom_id as usercom_custom_id__c,
    p.custom,
    case when not p.in_scope then 'out_of_scope' end as _fate,
    case when not p.in_scope then 'scope' end as _reason
from mapped.products as p
