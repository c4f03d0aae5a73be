-- grain: one row per user and territory of config/user_territories.csv
-- source: config.user_territories by user_email, territory
-- object: UserTerritory2Association
-- operation: insert
-- key: UserId, Territory2Id
-- feature: needs Sales Territories in Setup, with an active model; without them empty config/user_territories.csv
select distinct
    coalesce(org_user.id, decision.user_email) as "UserId",
    coalesce(territory.id, decision.territory) as "Territory2Id",
    case
        when org_user.id is null
            then named_struct(
                'fate', 'held', 'reason', 'user_missing', 'parent', decision.user_email
            )
        when territory.id is null
            then named_struct(
                'fate', 'held', 'reason', 'territory_missing', 'parent', decision.territory
            )
    end as _fate
from config.user_territories as decision
left join prepare.org_user as org_user
    on org_user.email = lower(decision.user_email) and org_user.is_active
left join prepare.territory as territory
    on territory.spelling = lower(decision.territory)
