-- grain: one row per tag that records may give by its number: its name
-- key: number
-- A number that is the name of a tag itself stays as it is.
select
    cast(tag.id as varchar) as number,
    trim(tag.name) as name
from usercom.tags as tag
left join usercom.tags as same
    on trim(same.name) = cast(tag.id as varchar)
where trim(tag.name) <> '' and same.id is null
