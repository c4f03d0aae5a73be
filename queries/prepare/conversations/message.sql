-- grain: one row per chat message: direction, channel, and the records it belongs to
-- key: id
with said as (
    select
        message.id,
        message.in_scope,
        message.scope_reason,
        message.conversation_id,
        message.sent_at,
        coalesce(
            message.direction_key,
            case message.author_type_key
                when 'agent' then 'outbound'
                when 'person' then 'inbound'
            end,
            case
                when message.author_key is not null then 'inbound'
                when message.author_name is not null then 'outbound'
                when message.author_email is not null then 'outbound'
                when message.author_id is not null then 'outbound'
            end
        ) as direction,
        coalesce(message.source, conversation.source, 'chat') as channel,
        conversation.id as known_conversation_id,
        conversation.owner_user_id,
        coalesce(conversation.contact_id, link.contact_id) as contact_id,
        coalesce(conversation.lead_id, link.lead_id) as lead_id,
        coalesce(conversation.who_id, link.who_id) as who_id,
        conversation.out_of_scope_reason as conversation_scope_reason,
        conversation.fates as conversation_fates
    from mapped.messages as message
    left join prepare.conversation as conversation
        on conversation.id = message.conversation_id
    -- A conversation that names no person has the one of its messages.
    left join prepare.person_link as link
        on link.person_id = message.person_id and conversation.person_id is null
)

select
    said.id,
    said.conversation_id,
    said.direction,
    said.channel,
    said.owner_user_id,
    said.contact_id,
    said.lead_id,
    said.who_id,
    array_concat(
        make_array(
            case
                when not said.in_scope
                    then named_struct(
                        'fate', 'out_of_scope', 'reason', said.scope_reason, 'parent', null
                    )
                when said.conversation_scope_reason = 'scope'
                    then named_struct(
                        'fate', 'out_of_scope',
                        'reason', 'conversation_out_of_scope',
                        'parent', concat('conversation ', said.conversation_id)
                    )
            end,
            case
                when said.known_conversation_id is null
                    then named_struct(
                        'fate', 'held',
                        'reason', 'conversation_missing',
                        'parent', concat('conversation ', said.conversation_id)
                    )
            end,
            case
                when said.sent_at is null
                    then named_struct(
                        'fate', 'held', 'reason', 'message_without_time', 'parent', null
                    )
            end,
            case
                when said.direction is null
                    then named_struct(
                        'fate', 'held', 'reason', 'message_without_author', 'parent', null
                    )
            end
        ),
        said.conversation_fates
    ) as fates
from said
