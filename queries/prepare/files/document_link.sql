-- grain: one row per file or note and record that it belongs to
with document as (
    select
        file.id as item_id,
        'file' as kind,
        version."ContentDocumentId" as document_id,
        coalesce(task.id, 'activity ' || file.activity_id) as task_id,
        file.activity_id is not null and task.id is null as is_missing,
        activity.out_of_scope_reason is not null as is_out_of_scope,
        activity.out_of_scope_reason = 'sample' as is_of_sample
    from usercom.files as file
    inner join org.content_version as version
        on version.usercom_id__c = concat('file:', file.id)
    left join ledger.task as task
        on task.usercom_id__c = concat('activity:', file.activity_id)
    left join prepare.item_link as activity
        on activity.kind = 'activity' and activity.id = file.activity_id
    union all
    select note.id, 'note', loaded.id, cast(null as varchar), false, false, false
    from usercom.notes as note
    inner join ledger.content_note as loaded
        on loaded._key = concat('note:', note.id)
    where loaded.id is not null
),

parents as (
    select
        document.document_id,
        document.task_id,
        document.is_missing,
        document.is_out_of_scope,
        document.is_of_sample,
        unnest(
            make_array(link.who_id, link.account_id, link.opportunity_id, document.task_id)
        ) as linked_id
    from document
    inner join prepare.item_link as link
        on link.kind = document.kind and link.id = document.item_id
)

select
    parents.document_id,
    parents.linked_id,
    bool_or(parents.is_missing and parents.linked_id = parents.task_id) as is_missing,
    bool_or(parents.is_out_of_scope) as is_out_of_scope,
    bool_or(parents.is_of_sample) as is_of_sample
from parents
where parents.linked_id is not null
group by parents.document_id, parents.linked_id
