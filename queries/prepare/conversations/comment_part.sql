-- grain: one row per chat message and part of it that one Case comment holds
-- A comment takes 4,000 bytes: letters of three bytes and what marks a part fit too.
with said as (
    select
        message.id,
        message.conversation_id,
        message.sent_at,
        link.fates,
        concat(
            to_char(message.sent_at, '%Y-%m-%d %H:%M:%S'),
            ' UTC, ',
            link.channel,
            ', ',
            link.direction,
            ', ',
            coalesce(
                nullif(
                    concat_ws(
                        ' ',
                        message.author_name,
                        case
                            when message.author_name is null then message.author_email
                            else '<' || message.author_email || '>'
                        end
                    ),
                    ''
                ),
                nullif(trim(writer.name), ''),
                nullif(concat_ws(' ', trim(writer.first_name), trim(writer.last_name)), ''),
                writer.email,
                'unknown'
            ),
            ':',
            chr(10),
            message.content
        ) as body
    from mapped.messages as message
    inner join prepare.message as link
        on link.id = message.id
    left join mapped.conversations as conversation
        on conversation.id = message.conversation_id
    left join mapped.people as writer
        on writer.id = coalesce(message.person_id, conversation.person_id)
        and link.direction = 'inbound'
),

measured as (
    select
        said.*,
        char_length(said.body) as chars,
        case
            when octet_length(said.body) <= 3900 then greatest(char_length(said.body), 1)
            when octet_length(said.body) = char_length(said.body) then 3900
            else 1300
        end as part_chars
    from said
),

numbered as (
    select
        measured.*,
        greatest((measured.chars + measured.part_chars - 1) / measured.part_chars, 1) as parts,
        unnest(
            generate_series(
                1,
                greatest((measured.chars + measured.part_chars - 1) / measured.part_chars, 1)
            )
        ) as part
    from measured
)

select
    numbered.id,
    numbered.conversation_id,
    numbered.sent_at,
    numbered.fates,
    numbered.part,
    numbered.parts,
    case
        when numbered.parts = 1 then numbered.body
        else concat(
            case
                when numbered.part > 1 then concat('(', numbered.part, '/', numbered.parts, ') ')
            end,
            substr(
                numbered.body,
                (numbered.part - 1) * numbered.part_chars + 1,
                numbered.part_chars
            )
        )
    end as body
from numbered
