-- grain: one row per conversation: its person, owner and channel
-- key: id
select
    conversation.id,
    conversation.person_id,
    conversation.source,
    conversation.created_at,
    conversation.active,
    conversation.message_count,
    owner.user_id as owner_user_id,
    link.contact_id,
    link.lead_id,
    link.who_id,
    link.out_of_scope_reason,
    link.fates
from mapped.conversations as conversation
inner join prepare.item_link as link
    on link.kind = 'conversation' and link.id = conversation.id
left join prepare.owner as owner
    on owner.owner_key = conversation.owner_key
