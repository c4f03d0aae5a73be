-- grain: one row per file or note and record that it belongs to
-- object: ContentDocumentLink
-- operation: insert
-- key: ContentDocumentId, LinkedEntityId
-- cluster by: LinkedEntityId
-- when: $files or $notes
select
    d.document_id as "ContentDocumentId",
    d.linked_id as "LinkedEntityId",
    'V' as "ShareType",
    'AllUsers' as "Visibility"
from prepare.document as d
