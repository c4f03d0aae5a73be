-- grain: one row per note with originals and the record that they belong to
-- source: prepare.long_original by load, key
-- object: ContentDocumentLink
-- operation: insert
-- key: ContentDocumentId, LinkedEntityId
-- link: ContentDocumentId, LinkedEntityId
-- cluster by: LinkedEntityId
-- when: $notes
select
    coalesce(note.id, concat('note of ', original.load, ' ', original.key)) as "ContentDocumentId",
    coalesce(original.id, concat(original.load, ' ', original.key)) as "LinkedEntityId",
    'V' as "ShareType",
    'AllUsers' as "Visibility",
    concat_ws('|', original.load, original.key) as _source,
    make_array(
        case
            when original.id is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'record_missing',
                    'parent', concat(original.load, ' ', original.key)
                )
            when note.id is null
                then named_struct('fate', 'held', 'reason', 'note_missing', 'parent', null)
        end
    ) as _fate
from prepare.long_original as original
left join ledger.original_note as note
    on note._key = concat('original:', original.load, ':', original.key)
