-- grain: one row if there are prices
-- source: none
-- object: Pricebook2
-- operation: upsert
-- key: usercom_id__c
-- when: $products
select
    'usercom' as usercom_id__c,
    'User.com' as "Name",
    true as "IsActive"
from prepare.price as price
having count(*) > 0
