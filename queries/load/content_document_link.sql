-- grain: one row per file or note and record that it belongs to
-- source: prepare.document_link
-- object: ContentDocumentLink
-- operation: insert
-- key: ContentDocumentId, LinkedEntityId
-- link: ContentDocumentId, LinkedEntityId
-- cluster by: LinkedEntityId
-- when: $files or $notes
select
    link.document_id as "ContentDocumentId",
    link.linked_id as "LinkedEntityId",
    'V' as "ShareType",
    'AllUsers' as "Visibility",
    case
        when link.is_missing and link.is_out_of_scope
            then named_struct(
                'fate', 'out_of_scope',
                'reason', case
                    when link.is_of_sample then 'sample'
                    else 'activity_out_of_scope'
                end,
                'parent', link.linked_id
            )
        when link.is_missing
            then named_struct(
                'fate', 'held', 'reason', 'activity_missing', 'parent', link.linked_id
            )
    end as _fate
from prepare.document_link as link
