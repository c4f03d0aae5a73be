-- grain: one row per file
-- source: usercom.files
-- object: ContentVersion
-- operation: insert
-- api: rest
-- key: usercom_id__c
-- when: $files
-- read: ContentDocumentId, ContentSize
select
    concat('file:', f.id) as usercom_id__c,
    coalesce(nullif(trim(f.name), ''), f.path) as "Title",
    coalesce(nullif(trim(f.path), ''), f.name) as "PathOnClient",
    f.created_at as "CreatedDate",
    c.user_id as "CreatedById",
    f.path as _file,
    case
        when l.fate is not null then l.fate
        when f.stored_size is null then 'held'
        when f.stored_size > 2147483648 then 'held'
        when f.size <> f.stored_size then 'held'
    end as _fate,
    case
        when l.fate is not null then l.reason
        when f.stored_size is null then 'file_missing'
        when f.stored_size > 2147483648 then 'file_too_large'
        when f.size <> f.stored_size then 'file_size_differs'
    end as _reason,
    case
        when l.fate is not null then l.parent
        when f.stored_size is null or f.size <> f.stored_size then f.path
    end as _parent
from mapped.files as f
inner join prepare.item_link as l
    on l.kind = 'file' and l.id = f.id
left join prepare.owner as c
    on c.owner_key = coalesce(cast(f.created_by_id as varchar), lower(trim(f.created_by_email)))
