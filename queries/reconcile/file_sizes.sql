-- grain: one row per file whose size in the org is not the size it was sent with
select
    f.id,
    f.path,
    f.stored_size,
    v."ContentSize" as content_size
from usercom.files as f
inner join org.content_version as v
    on v.usercom_id__c = concat('file:', f.id)
where try_cast(v."ContentSize" as bigint) is distinct from f.stored_size
