-- grain: one row per owner and table that names it
select
    'people' as named_by,
    p.assigned_to_id as owner_id,
    lower(trim(p.assigned_to_email)) as owner_email,
    count(*) as records
from usercom.people as p
group by p.assigned_to_id, lower(trim(p.assigned_to_email))
union all
select 'companies', c.assigned_to_id, lower(trim(c.assigned_to_email)), count(*)
from usercom.companies as c
group by c.assigned_to_id, lower(trim(c.assigned_to_email))
union all
select 'deals', d.assigned_to_id, lower(trim(d.assigned_to_email)), count(*)
from usercom.deals as d
group by d.assigned_to_id, lower(trim(d.assigned_to_email))
union all
select 'activities', a.assigned_to_id, lower(trim(a.assigned_to_email)), count(*)
from usercom.activities as a
group by a.assigned_to_id, lower(trim(a.assigned_to_email))
union all
select 'events', e.assigned_to_id, lower(trim(e.assigned_to_email)), count(*)
from usercom.events as e
group by e.assigned_to_id, lower(trim(e.assigned_to_email))
union all
select 'conversations', c.assigned_to_id, lower(trim(c.assigned_to_email)), count(*)
from usercom.conversations as c
group by c.assigned_to_id, lower(trim(c.assigned_to_email))
union all
select 'emails', e.assigned_to_id, lower(trim(e.assigned_to_email)), count(*)
from usercom.emails as e
group by e.assigned_to_id, lower(trim(e.assigned_to_email))
union all
select 'sms', s.assigned_to_id, lower(trim(s.assigned_to_email)), count(*)
from usercom.sms as s
group by s.assigned_to_id, lower(trim(s.assigned_to_email))
union all
select 'teams', t.agent_id, cast(null as varchar), count(*)
from prepare.team as t
group by t.agent_id
