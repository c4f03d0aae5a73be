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
    concat('message:', m.id) as _key,
    k.id as "ParentId",
    concat(
        to_char(m.sent_at, '%Y-%m-%d %H:%M:%S'), ' UTC, ', l.channel, ', ', l.direction,
        ', ', coalesce(m.author_name, 'unknown'), ':', chr(10), m.content
    ) as "CommentBody",
    m.sent_at as "CreatedDate",
    case
        when l.fate is not null then l.fate
        when k.id is null then 'held'
    end as _fate,
    coalesce(l.reason, case when k.id is null then 'case_missing' end) as _reason,
    coalesce(l.parent, case when k.id is null then concat('conversation ', m.conversation_id) end) as _parent
from mapped.messages as m
inner join prepare.message as l
    on l.id = m.id
left join ledger.chat_case as k
    on k.usercom_id__c = concat('conversation:', m.conversation_id)
