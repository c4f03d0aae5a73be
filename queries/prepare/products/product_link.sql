-- grain: one row per product that was loaded
-- key: product
select product.usercom_id__c as product, product.id as product2_id
from ledger.product as product
where product.id is not null
union all
select placeholder.usercom_id__c, placeholder.id
from ledger.placeholder_product as placeholder
where placeholder.id is not null
