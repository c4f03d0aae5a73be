-- grain: one row per record whose originals are longer than the field that keeps them
-- source: prepare.long_original
-- object: ContentNote
-- operation: insert
-- api: rest
-- key: _key
-- when: $notes
-- feature: needs Notes in Setup; without them set notes = false
select
    concat('original:', original.load, ':', original.key) as _key,
    left(concat('Values as they were: ', original.load, ' ', original.key), 255) as "Title",
    original.originals as "Content",
    case
        when original.id is null
            then named_struct(
                'fate', 'held',
                'reason', 'record_missing',
                'parent', concat(original.load, ' ', original.key)
            )
    end as _fate
from prepare.long_original as original
