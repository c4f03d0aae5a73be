-- grain: one row per note
-- source: usercom.notes
-- object: ContentNote
-- operation: insert
-- api: rest
-- key: _key
-- when: $notes
-- feature: needs Notes in Setup; without them set notes = false
select
    concat('note:', n.id) as _key,
    left(coalesce(nullif(trim(n.name), ''), concat('Note ', n.id)), 255) as "Title",
    coalesce(nullif(trim(n.content), ''), ' ') as "Content",
    n.created_at as "CreatedDate",
    l.fate as _fate,
    l.reason as _reason,
    l.parent as _parent
from mapped.notes as n
inner join prepare.item_link as l
    on l.kind = 'note' and l.id = n.id
