-- grain: one row per row of the export and record of the org that may be the same
-- Of many records with one address only the first is proposed.
with source as (
    select address.object as target, address.usercom_id, address.basis, address.value
    from prepare.match_address as address
    where address.usercom_id is not null and address.value like '%.%'
),

existing as (
    select address.object, address.salesforce_id, address.name, address.basis, address.value
    from prepare.match_address as address
    where address.salesforce_id is not null and address.value like '%.%'
),

rows_with as (
    select source.basis, source.value, count(*) as number
    from source
    group by source.basis, source.value
),

records_with as (
    select
        existing.basis,
        existing.value,
        count(*) as number,
        min(existing.salesforce_id) as first_id
    from existing
    group by existing.basis, existing.value
)

select
    existing.object,
    source.usercom_id,
    existing.salesforce_id,
    existing.name,
    source.basis,
    source.value,
    source.target,
    rows_with.number as rows_of_the_export,
    records_with.number as records_of_the_org
from records_with
inner join rows_with
    on rows_with.basis = records_with.basis and rows_with.value = records_with.value
inner join source
    on source.basis = records_with.basis and source.value = records_with.value
inner join existing
    on existing.basis = records_with.basis
    and existing.value = records_with.value
    and (records_with.number <= 10 or existing.salesforce_id = records_with.first_id)
