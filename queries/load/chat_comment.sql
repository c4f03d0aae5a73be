-- grain: one row per chat message
-- source: usercom.messages
-- object: CaseComment
-- operation: insert
-- api: rest
-- key: _key
-- cluster by: ParentId
-- order by: CreatedDate
-- when: $chat_strategy = 'case_comments'
select
    concat('message:', message.id) as _key,
    chat_case.id as "ParentId",
    concat(
        to_char(message.sent_at, '%Y-%m-%d %H:%M:%S'),
        ' UTC, ',
        link.channel,
        ', ',
        link.direction,
        ', ',
        coalesce(message.author_name, message.author_email, 'unknown'),
        ':',
        chr(10),
        message.content
    ) as "CommentBody",
    message.sent_at as "CreatedDate",
    case
        when link.fate is not null then link.fate
        when chat_case.id is null
            then named_struct(
                'fate', 'held',
                'reason', 'case_missing',
                'parent', concat('conversation ', message.conversation_id)
            )
    end as _fate
from mapped.messages as message
inner join prepare.message as link
    on link.id = message.id
left join ledger.chat_case as chat_case
    on chat_case.usercom_id__c = concat('conversation:', message.conversation_id)
