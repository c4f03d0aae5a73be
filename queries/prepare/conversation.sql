-- grain: one row per conversation: its person, owner and channel
-- key: id
select
    c.id,
    c.source,
    c.created_at,
    c.active,
    o.user_id as owner_user_id,
    l.contact_id,
    l.lead_id,
    l.who_id,
    l.fate,
    l.reason,
    l.parent
from mapped.conversations as c
inner join prepare.item_link as l
    on l.kind = 'conversation' and l.id = c.id
left join prepare.owner as o
    on o.owner_key = coalesce(cast(c.assigned_to_id as varchar), lower(trim(c.assigned_to_email)), '')
