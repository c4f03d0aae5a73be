-- grain: one row per activity, event, e-mail, SMS, conversation, note and file: what it is about
-- key: kind, id
select
    'activity' as kind,
    activity.id,
    activity.in_scope,
    activity.scope_reason,
    activity.person_id,
    activity.company_id,
    activity.deal_id
from mapped.activities as activity
union all
select
    'event',
    event.id,
    event.in_scope,
    event.scope_reason,
    event.person_id,
    event.company_id,
    event.deal_id
from mapped.events as event
union all
select
    'email',
    email.id,
    email.in_scope,
    email.scope_reason,
    email.person_id,
    email.company_id,
    email.deal_id
from mapped.emails as email
union all
select
    'sms',
    sms.id,
    sms.in_scope,
    sms.scope_reason,
    sms.person_id,
    sms.company_id,
    sms.deal_id
from mapped.sms as sms
union all
select
    'conversation',
    conversation.id,
    conversation.in_scope,
    conversation.scope_reason,
    conversation.person_id,
    cast(null as bigint),
    cast(null as bigint)
from mapped.conversations as conversation
union all
select
    'note',
    note.id,
    note.in_scope,
    note.scope_reason,
    note.person_id,
    note.company_id,
    note.deal_id
from mapped.notes as note
union all
select
    'file',
    file.id,
    file.in_scope,
    file.scope_reason,
    file.person_id,
    file.company_id,
    file.deal_id
from mapped.files as file
