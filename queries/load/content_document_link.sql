-- grain: one row per file or note and record that it belongs to
-- object: ContentDocumentLink
-- operation: insert
-- key: ContentDocumentId, LinkedEntityId
-- cluster by: LinkedEntityId
-- when: $files or $notes
select
    link.document_id as "ContentDocumentId",
    link.linked_id as "LinkedEntityId",
    'V' as "ShareType",
    'AllUsers' as "Visibility"
from prepare.document_link as link
