-- grain: one row per user and territory of config/user_territories.csv
-- object: UserTerritory2Association
-- operation: insert
-- key: UserId, Territory2Id
-- feature: needs Sales Territories in Setup, with an active model; without them empty config/user_territories.csv
select distinct
    coalesce(u.id, t.user_email) as "UserId",
    coalesce(y.id, t.territory) as "Territory2Id",
    case when u.id is null or y.id is null then 'held' end as _fate,
    case
        when u.id is null then 'user_missing'
        when y.id is null then 'territory_missing'
    end as _reason,
    case
        when u.id is null then t.user_email
        when y.id is null then t.territory
    end as _parent
from config.user_territories as t
left join org.users as u
    on regexp_replace(lower(trim(u.email)), '\.invalid$', '') = lower(trim(t.user_email)) and u.is_active
left join org.territories as y
    on lower(y.developer_name) = lower(trim(t.territory)) or lower(y.name) = lower(trim(t.territory))
