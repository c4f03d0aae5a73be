-- grain: one row per file whose size in the org is not the size it was sent with
select
    file.id,
    file.path,
    file.stored_size,
    version."ContentSize" as content_size
from usercom.files as file
inner join org.content_version as version
    on version.usercom_id__c = concat('file:', file.id)
where try_cast(version."ContentSize" as bigint) is distinct from file.stored_size
