-- grain: one row per activity, event, e-mail, SMS, conversation, note and file: whom and what it is about
-- key: kind, id
select 'activity' as kind, a.id, a.in_scope, a.person_id, a.company_id, a.deal_id
from mapped.activities as a
union all
select 'event', e.id, e.in_scope, e.person_id, e.company_id, e.deal_id
from mapped.events as e
union all
select 'email', e.id, e.in_scope, e.person_id, cast(null as bigint), cast(null as bigint)
from mapped.emails as e
union all
select 'sms', s.id, s.in_scope, s.person_id, cast(null as bigint), cast(null as bigint)
from mapped.sms as s
union all
select 'conversation', c.id, c.in_scope, c.person_id, cast(null as bigint), cast(null as bigint)
from mapped.conversations as c
union all
select 'note', n.id, n.in_scope, n.person_id, n.company_id, n.deal_id
from mapped.notes as n
union all
select 'file', f.id, f.in_scope, f.person_id, f.company_id, f.deal_id
from mapped.files as f
