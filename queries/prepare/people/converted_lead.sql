-- grain: one row per person whose Lead became a Contact, by us or by sales: the Contact
-- key: person_id
-- A Contact that somebody deleted is not made anew, unless that is decided. A merged Lead became
-- what its survivor became. Of several people with one Contact one holds it: whose it was before,
-- else the first.
with became as (
    select
        lead.usercom_id__c as person_id,
        lead.id as lead_id,
        coalesce(conversion.id, case when lead.live = 'converted' then lead.successor end) as id,
        conversion.id is null
            and lead.successor is null
            and conversion.live is distinct from 'undone' as is_deleted
    from ledger.lead as lead
    left join ledger.lead_conversion as conversion
        on conversion.usercom_id__c = lead.usercom_id__c
    where conversion.id is not null or lead.live = 'converted'
    union all
    select
        merged.usercom_id__c,
        merged.id,
        conversion.id,
        false
    from ledger.lead as merged
    inner join ledger.lead as survivor
        on survivor.id = merged.id and survivor.live is distinct from 'merged'
    inner join ledger.lead_conversion as conversion
        on conversion.usercom_id__c = survivor.usercom_id__c
    where merged.live = 'merged' and conversion.id is not null
),

claim as (
    select
        became.id,
        cast(became.person_id as varchar) as key,
        2 as place
    from became
    where became.id is not null
    union all
    select
        contact.id,
        contact.key,
        1
    from became
    inner join known.contact as contact
        on contact.id = became.id
    where contact.live = 'live'
),

holder as (
    select
        claim.id,
        first_value(claim.key order by claim.place, claim.key) as key
    from claim
    group by claim.id
)

select
    became.person_id,
    became.id,
    became.is_deleted
        and not coalesce(
            recreated.is_any or array_has(recreated.ids, left(became.lead_id, 15)), false
        ) as is_deleted,
    case when holder.key <> cast(became.person_id as varchar) then holder.key end as holder_key
from became
left join holder
    on holder.id = became.id
left join prepare.recreated_person as recreated
    on recreated.key = cast(became.person_id as varchar)
