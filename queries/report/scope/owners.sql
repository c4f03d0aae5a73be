-- grain: one row per decision about an owner
select
    coalesce(decision.owner_email, decision.owner_id) as owner,
    decision.user_email
from config.owners as decision
order by owner
