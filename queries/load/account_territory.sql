-- grain: one row per company and territory of config/territories.csv
-- source: config.territories
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
    case
        when company.fate['fate'] = 'out_of_scope' then company.fate
        when company.account_id is null or territory.id is null
            then named_struct(
                'fate', 'held',
                'reason', concat_ws(
                    '; ',
                    case when company.account_id is null then 'company_missing' end,
                    case when territory.id is null then 'territory_missing' end
                ),
                'parent', concat_ws(
                    '; ',
                    case
                        when company.account_id is null
                            then concat('company ', decision.company_id)
                    end,
                    case when territory.id is null then decision.territory end
                )
            )
    end as _fate
from config.territories as decision
left join prepare.company_link as company
    on company.company_id = try_cast(decision.company_id as bigint)
left join prepare.territory as territory
    on territory.spelling = lower(decision.territory)
