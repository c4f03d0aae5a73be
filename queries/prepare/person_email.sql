-- grain: one row per e-mail address that exactly one person has
-- key: email
select
    lower(trim(p.email)) as email,
    min(p.id) as person_id
from usercom.people as p
where trim(p.email) <> ''
group by lower(trim(p.email))
having count(*) = 1
