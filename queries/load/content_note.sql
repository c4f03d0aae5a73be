-- grain: one row per note
-- source: usercom.notes
-- object: ContentNote
-- operation: upsert
-- api: rest
-- key: _key
-- when: $notes
-- feature: needs Notes in Setup; without them set notes = false
select
    concat('note:', note.id) as _key,
    left(coalesce(nullif(trim(note.name), ''), concat('Note ', note.id)), 255) as "Title",
    coalesce(nullif(trim(note.content), ''), ' ') as "Content",
    note.created_at as "CreatedDate",
    link.fates as _fate
from mapped.notes as note
inner join prepare.item_link as link
    on link.kind = 'note' and link.id = note.id
