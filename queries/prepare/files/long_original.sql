-- grain: one row per record whose originals are longer than the field that keeps them
-- key: load, key
-- The field has 131,072 characters where the org did not have a shorter one of its own; `Content`
-- is that of a note.
with room as (
    select least(coalesce(min(field.length), 131000), 131000) as chars
    from org.fields as field
    where field.name like 'usercom_raw_values__c%'
)

select
    altered.load,
    altered.key,
    record.id,
    string_agg(
        concat(altered.field, ': ', altered.original),
        chr(10)
        order by altered.field
    ) as originals
from recon.altered as altered
cross join room
left join ledger.records as record
    on record.load = altered.load and record.key = altered.key
where altered.field <> 'Content'
group by altered.load, altered.key, record.id, room.chars
having sum(char_length(altered.field) + char_length(altered.original) + 3) > room.chars
