-- grain: one row per address and name of users of the org whom records may belong to
select
    org_user.email,
    coalesce(org_user.name, '') as name
from org.users as org_user
where org_user.email is not null and org_user.user_type = 'Standard'
