-- grain: one row per file
-- source: usercom.files
-- object: ContentVersion
-- operation: insert
-- api: rest
-- key: usercom_id__c
-- when: $files
-- read: ContentDocumentId, ContentSize
select
    concat('file:', file.id) as usercom_id__c,
    coalesce(nullif(trim(file.name), ''), file.path) as "Title",
    coalesce(nullif(trim(file.path), ''), file.name) as "PathOnClient",
    file.created_at as "CreatedDate",
    creator.user_id as "CreatedById",
    file.path as _file,
    file.custom,
    case
        when link.fate is not null then link.fate
        when file.stored_size is null
            then named_struct('fate', 'held', 'reason', 'file_missing', 'parent', file.path)
        when file.stored_size > 2147483648
            then named_struct('fate', 'held', 'reason', 'file_too_large', 'parent', null)
        when file.size <> file.stored_size
            then named_struct('fate', 'held', 'reason', 'file_size_differs', 'parent', file.path)
    end as _fate
from mapped.files as file
inner join prepare.item_link as link
    on link.kind = 'file' and link.id = file.id
left join prepare.owner as creator
    on creator.owner_key = file.created_by_key
