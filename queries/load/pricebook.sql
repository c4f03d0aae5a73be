-- grain: one row if there are prices
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
