-- grain: one row per product and currency: its price in the price book of the deals
-- object: PricebookEntry
-- operation: upsert
-- api: rest
-- key: _key
-- optional: CurrencyIsoCode
-- when: $products
select
    concat(p.product, ':', coalesce(p.iso_code, $currency)) as _key,
    b.id as "Pricebook2Id",
    l.product2_id as "Product2Id",
    p.iso_code as "CurrencyIsoCode",
    p.price as "UnitPrice",
    true as "IsActive",
    case when l.product2_id is null or b.id is null or s.id is null then 'held' end as _fate,
    case
        when l.product2_id is null then 'product_missing'
        when b.id is null then 'pricebook_missing'
        when s.id is null then 'standard_price_missing'
    end as _reason,
    case when l.product2_id is null or s.id is null then p.product end as _parent
from prepare.price as p
left join prepare.product_link as l
    on l.product = p.product
left join ledger.pricebook as b
    on b.usercom_id__c = 'usercom'
left join ledger.standard_price as s
    on s._key = concat(p.product, ':', coalesce(p.iso_code, $currency))
