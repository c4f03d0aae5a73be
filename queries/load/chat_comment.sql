-- grain: one row per chat message and part of it that one comment holds
-- source: prepare.comment_part
-- object: CaseComment
-- operation: upsert
-- api: rest
-- key: _key
-- cluster by: ParentId
-- order by: CreatedDate
-- when: $chat_strategy = 'case_comments'
select
    case
        when part.part = 1 then concat('message:', part.id)
        else concat('message:', part.id, ':', part.part)
    end as _key,
    chat_case.id as "ParentId",
    part.body as "CommentBody",
    part.sent_at as "CreatedDate",
    array_concat(
        part.fates,
        make_array(
            case
                when chat_case.id is null
                    then named_struct(
                        'fate', 'held',
                        'reason', 'case_missing',
                        'parent', concat('conversation ', part.conversation_id)
                    )
            end
        )
    ) as _fate,
    case when part.parts > 1 then 'in_several_comments' end as _flags
from prepare.comment_part as part
left join ledger.chat_case as chat_case
    on chat_case.usercom_id__c = concat('conversation:', part.conversation_id)
