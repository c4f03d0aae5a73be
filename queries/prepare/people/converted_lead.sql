-- grain: one row per person whose Lead became a Contact, by us or by sales: the Contact
-- key: person_id
-- A Contact that somebody deleted is not made anew, unless that is decided.
with recreated as (
    select distinct decision.key
    from config.decisions as decision
    where lower(decision.object) = 'contact'
        and decision.decision = 'recreate'
)

select
    lead.usercom_id__c as person_id,
    coalesce(conversion.id, case when lead.live = 'converted' then lead.successor end) as id,
    conversion.id is null
        and lead.successor is null
        and recreated.key is null
        and conversion.live is distinct from 'undone' as is_deleted
from ledger.lead as lead
left join ledger.lead_conversion as conversion
    on conversion.usercom_id__c = lead.usercom_id__c
left join recreated
    on recreated.key = cast(lead.usercom_id__c as varchar)
where conversion.id is not null or lead.live = 'converted'
