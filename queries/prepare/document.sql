-- grain: one row per file or note and record that it belongs to
with document as (
    select f.id as item_id, 'file' as kind, v."ContentDocumentId" as document_id, a.id as task_id
    from usercom.files as f
    inner join org.content_version as v
        on v.usercom_id__c = concat('file:', f.id)
    left join ledger.task as a
        on a.usercom_id__c = concat('activity:', f.activity_id)
    union all
    select n.id, 'note', k.id, cast(null as varchar)
    from usercom.notes as n
    inner join ledger.content_note as k
        on k._key = concat('note:', n.id)
    where k.id is not null
),

parents as (
    select
        d.document_id,
        unnest(make_array(l.who_id, l.account_id, l.opportunity_id, d.task_id)) as linked_id
    from document as d
    inner join prepare.item_link as l
        on l.kind = d.kind and l.id = d.item_id
)

select p.document_id, p.linked_id
from parents as p
where p.linked_id is not null
group by p.document_id, p.linked_id
