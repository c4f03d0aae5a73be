-- grain: one row per address of users of the org, without what a sandbox appends
select distinct regexp_replace(lower(trim(org_user.email)), '\.invalid$', '') as email
from org.users as org_user
where org_user.email is not null
