-- grain: one row per product and currency: its price in the price book of the deals
-- source: prepare.price by product, iso_code
-- object: PricebookEntry
-- operation: upsert
-- api: rest
-- key: _key
-- optional: CurrencyIsoCode
-- when: $products
select
    concat(price.product, ':', coalesce(price.iso_code, $currency)) as _key,
    pricebook.id as "Pricebook2Id",
    link.product2_id as "Product2Id",
    price.iso_code as "CurrencyIsoCode",
    price.price as "UnitPrice",
    true as "IsActive",
    make_array(
        link.fate,
        price.fate,
        case
            when link.product2_id is null and link.fate is null
                then named_struct(
                    'fate', 'held', 'reason', 'product_missing', 'parent', price.product
                )
        end,
        case
            when pricebook.id is null
                then named_struct('fate', 'held', 'reason', 'pricebook_missing', 'parent', null)
        end,
        case
            when standard_price.id is null and price.fate is null
                then named_struct(
                    'fate', 'held', 'reason', 'standard_price_missing', 'parent', price.product
                )
        end
    ) as _fate,
    price.flags as _flags
from prepare.price as price
left join prepare.product_link as link
    on link.product = price.product
left join ledger.pricebook as pricebook
    on pricebook.usercom_id__c = 'usercom'
left join ledger.standard_price as standard_price
    on standard_price._key = concat(price.product, ':', coalesce(price.iso_code, $currency))
