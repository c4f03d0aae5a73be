-- grain: one row per user of the org: its address without what a sandbox appends
select
    org_user.id,
    org_user.is_active,
    org_user.user_type,
    regexp_replace(lower(trim(org_user.email)), '\.invalid$', '') as email
from org.users as org_user
