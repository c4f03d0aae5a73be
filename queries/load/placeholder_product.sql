-- grain: one row if a line has no product of its own
-- source: none
-- object: Product2
-- operation: upsert
-- key: usercom_id__c
-- when: $products
select
    max(price.product) as usercom_id__c,
    'Other (from User.com)' as "Name",
    true as "IsActive"
from prepare.price as price
where price.product = 'product:placeholder'
having count(*) > 0
