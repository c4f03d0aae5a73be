-- grain: one row per user and territory of config/user_territories.csv
-- source: prepare.user_territory_link
-- object: UserTerritory2Association
-- operation: insert
-- key: UserId, Territory2Id
-- link: UserId, Territory2Id
-- feature: needs Sales Territories in Setup, with an active model; without them empty config/user_territories.csv
select
    link.user_id as "UserId",
    link.territory_id as "Territory2Id",
    make_array(
        case
            when not link.is_user
                then named_struct(
                    'fate', 'held',
                    'reason', 'user_missing',
                    'parent', link.user_id
                )
        end,
        case
            when not link.is_territory
                then named_struct(
                    'fate', 'held',
                    'reason', 'territory_missing',
                    'parent', link.territory_id
                )
        end
    ) as _fate
from prepare.user_territory_link as link
