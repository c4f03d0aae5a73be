-- grain: one row per user of the org whom records may belong to, with an address
-- The address is without what a sandbox appends.
select
    regexp_replace(lower(trim(org_user.email)), '\.invalid$', '') as email,
    org_user.is_active
from org.users as org_user
where org_user.email is not null and org_user.user_type = 'Standard'
