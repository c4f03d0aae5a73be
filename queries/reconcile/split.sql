-- grain: one row per person whose record in the org is on the wrong side, or on both
-- The stage is the one that the org has for it. A Lead that became a Contact is history.
with record as (
    select
        'Lead' as object,
        lead.usercom_id__c as id,
        lead.usercom_original_lifecycle__c as lifecycle_stage,
        lead.usercom_split_reason__c as reason
    from org.lead as lead
    left join prepare.converted_lead as converted
        on converted.person_id = lead.usercom_id__c
    left join prepare.promoted_lead as promoted
        on promoted.id = lead.usercom_id__c and $on_promotion = 'create_and_link'
    where converted.person_id is null and promoted.id is null
    union all
    select
        'Contact',
        contact.usercom_id__c,
        contact.usercom_original_lifecycle__c,
        case
            when converted.person_id is not null then 'lead_was_converted'
            else contact.usercom_split_reason__c
        end
    from org.contact as contact
    left join prepare.converted_lead as converted
        on converted.person_id = contact.usercom_id__c
),

twice as (
    select record.id
    from record
    group by record.id
    having count(*) > 1
)

select
    record.id,
    record.object,
    decided.target,
    record.lifecycle_stage,
    record.reason,
    twice.id is not null as on_both_sides
from record
left join config.lifecycle as decided
    -- The org keeps no control characters.
    on lower(regexp_replace(decided.lifecycle_stage, '[[:cntrl:]]', '', 'g'))
        = lower(trim(regexp_replace(record.lifecycle_stage, '[[:cntrl:]]', '', 'g')))
left join twice
    on twice.id = record.id
where twice.id is not null
    or decided.target is null
    or (record.object = 'Lead' and decided.target = 'Contact')
    or (
        record.object = 'Contact'
        and decided.target = 'Lead'
        and coalesce(record.reason, '') not in (
            'has_deal', 'is_a_contact_already', 'lead_was_converted'
        )
    )
