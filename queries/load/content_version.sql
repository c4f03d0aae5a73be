-- grain: one row per file
-- source: usercom.files
-- object: ContentVersion
-- operation: upsert
-- api: rest
-- key: usercom_id__c
-- when: $files
-- read: ContentDocumentId
with

named as (
    select
        file.id,
        coalesce(
            nullif(trim(file.name), ''),
            regexp_replace(coalesce(file.stored_path, file.path), '^.*/', '')
        ) as name,
        regexp_match(coalesce(file.stored_path, file.path), '[.][A-Za-z0-9]{1,10}$')[1] as ending
    from mapped.files as file
)

select
    concat('file:', file.id) as usercom_id__c,
    left(named.name, 255) as "Title",
    -- Salesforce tells a file's type by the ending of its name.
    case
        when regexp_like(named.name, '[.][A-Za-z0-9]{1,10}$') then named.name
        else concat(named.name, coalesce(named.ending, ''))
    end as "PathOnClient",
    -- Sent as the bytes of the file that has it.
    file.stored_md5 as "VersionData",
    file.created_at as "CreatedDate",
    creator.user_id as "CreatedById",
    file.created_at as usercom_created_at__c,
    coalesce(
        file.created_by_email, author.email, cast(file.created_by_id as varchar)
    ) as usercom_created_by__c,
    file.stored_path as _file,
    file.custom,
    array_concat(
        link.fates,
        make_array(
            case
                when activity.out_of_scope_reason is not null
                    and coalesce(file.person_id, file.company_id, file.deal_id) is null
                    then named_struct(
                        'fate', 'out_of_scope',
                        'reason', case activity.out_of_scope_reason
                            when 'sample' then 'sample'
                            else 'activity_out_of_scope'
                        end,
                        'parent', concat('activity ', file.activity_id)
                    )
            end,
            case
                when file.stored_path is null
                    then named_struct('fate', 'held', 'reason', 'file_missing', 'parent', file.path)
                when file.stored_size is null
                    then named_struct(
                        'fate', 'held', 'reason', 'file_outside_export', 'parent', file.path
                    )
                when file.stored_size = 0
                    then named_struct('fate', 'held', 'reason', 'file_empty', 'parent', file.path)
                when file.stored_size > 2147483648
                    then named_struct(
                        'fate', 'held', 'reason', 'file_too_large', 'parent', file.path
                    )
            end,
            case
                when file.size <> file.stored_size
                    then named_struct(
                        'fate', 'held', 'reason', 'file_size_differs', 'parent', file.path
                    )
            end
        )
    ) as _fate
from mapped.files as file
inner join named
    on named.id = file.id
inner join prepare.item_link as link
    on link.kind = 'file' and link.id = file.id
left join prepare.item_link as activity
    on activity.kind = 'activity' and activity.id = file.activity_id
left join prepare.owner as creator
    on creator.owner_key = file.created_by_key
left join mapped.agents as author
    on author.id = file.created_by_id
