-- grain: one row per company and territory of config/territories.csv
-- object: ObjectTerritory2Association
-- operation: insert
-- key: ObjectId, Territory2Id
-- cluster by: ObjectId
-- after: ledger.user_territory
-- feature: needs Sales Territories in Setup, with an active model; without them empty config/territories.csv
select
    coalesce(a.id, concat('company ', t.company_id)) as "ObjectId",
    coalesce(y.id, t.territory) as "Territory2Id",
    'Territory2Manual' as "AssociationCause",
    case when a.id is null or y.id is null then 'held' end as _fate,
    case
        when a.id is null then 'company_missing'
        when y.id is null then 'territory_missing'
    end as _reason,
    case
        when a.id is null then concat('company ', t.company_id)
        when y.id is null then t.territory
    end as _parent
from config.territories as t
left join ledger.account as a
    on a.usercom_id__c = try_cast(t.company_id as bigint)
left join org.territories as y
    on lower(y.developer_name) = lower(trim(t.territory)) or lower(y.name) = lower(trim(t.territory))
