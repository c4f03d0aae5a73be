-- grain: one row per chat message: direction, channel, and the records it belongs to
-- key: id
with message as (
    select
        m.id,
        m.in_scope,
        m.conversation_id,
        m.sent_at,
        coalesce(
            lower(trim(m.direction)),
            case lower(trim(m.author_type)) when 'agent' then 'outbound' when 'person' then 'inbound' end,
            case
                when m.author_key is not null then 'inbound'
                when coalesce(m.author_name, m.author_email, cast(m.author_id as varchar)) is not null then 'outbound'
            end
        ) as direction,
        coalesce(m.source, c.source, 'chat') as channel,
        c.id as known_conversation_id,
        c.owner_user_id,
        c.contact_id,
        c.lead_id,
        c.who_id,
        c.fate,
        c.reason,
        c.parent
    from mapped.messages as m
    left join prepare.conversation as c
        on c.id = m.conversation_id
)

select
    m.id,
    m.conversation_id,
    m.direction,
    m.channel,
    m.owner_user_id,
    m.contact_id,
    m.lead_id,
    m.who_id,
    case
        when not m.in_scope then 'out_of_scope'
        when m.known_conversation_id is null then 'held'
        when m.fate is not null then m.fate
        when m.sent_at is null or m.direction is null then 'held'
    end as fate,
    case
        when not m.in_scope then 'scope'
        when m.known_conversation_id is null then 'conversation_missing'
        when m.fate is not null then m.reason
        when m.sent_at is null then 'message_without_time'
        when m.direction is null then 'message_without_author'
    end as reason,
    case
        when m.known_conversation_id is null then concat('conversation ', m.conversation_id)
        else m.parent
    end as parent
from message as m
