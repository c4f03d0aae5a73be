-- grain: one row per product that was loaded
-- key: product
select p.usercom_id__c as product, p.id as product2_id
from ledger.product as p
where p.id is not null
union all
select h.usercom_id__c, h.id
from ledger.placeholder_product as h
where h.id is not null
