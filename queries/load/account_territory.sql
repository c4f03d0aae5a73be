-- grain: one row per company and territory of config/territories.csv
-- source: config.territories by company_id, territory
-- object: ObjectTerritory2Association
-- operation: insert
-- key: ObjectId, Territory2Id
-- link: ObjectId, Territory2Id
-- cluster by: ObjectId
-- after: ledger.user_territory
-- feature: needs Sales Territories in Setup, with an active model; without them empty config/territories.csv
select
    coalesce(company.account_id, concat('company ', decision.company_id)) as "ObjectId",
    coalesce(territory.id, decision.territory) as "Territory2Id",
    'Territory2Manual' as "AssociationCause",
    concat_ws('|', decision.company_id, decision.territory) as _source,
    make_array(
        company.fate,
        case
            when company.company_id is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'company_missing',
                    'parent', concat('company ', decision.company_id)
                )
        end,
        case
            when territory.id is null
                then named_struct(
                    'fate', 'held', 'reason', 'territory_missing', 'parent', decision.territory
                )
        end
    ) as _fate
from config.territories as decision
left join prepare.company_link as company
    on company.company_id = try_cast(decision.company_id as bigint)
left join prepare.territory as territory
    on territory.spelling = lower(decision.territory)
