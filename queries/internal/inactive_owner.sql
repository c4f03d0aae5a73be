-- grain: at most one row, if records of the export would belong to a user who is inactive
select owner.user_id
from prepare.owner as owner
inner join org.users as org_user
    on org_user.id = owner.user_id
where not org_user.is_active
limit 1
