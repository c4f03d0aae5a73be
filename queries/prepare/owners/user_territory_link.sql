-- grain: one row per user and territory of config/user_territories.csv, however spelt
select distinct
    coalesce(org_user.id, decision.user_email) as user_id,
    coalesce(territory.id, decision.territory) as territory_id,
    org_user.id is not null as is_user,
    territory.id is not null as is_territory
from config.user_territories as decision
left join prepare.org_user as org_user
    on org_user.email = lower(decision.user_email) and org_user.is_active
left join prepare.territory as territory
    on territory.spelling = lower(decision.territory)
