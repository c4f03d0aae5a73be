-- grain: one row per person: the record it became, or why there is none
-- key: person_id
-- A Contact that several people have is the one of each of them.
select
    person.id as person_id,
    coalesce(contact.id, converted.id) as contact_id,
    lead.id as lead_id,
    coalesce(contact.id, converted.id, lead.id) as who_id,
    case
        when coalesce(contact.id, converted.id, lead.id) is null
            then named_struct(
                'fate', case
                    when person.fate['fate'] in ('passive', 'out_of_scope') then person.fate['fate']
                    else 'held'
                end,
                'reason', case
                    when person.fate['reason'] = 'sample' then 'sample'
                    else concat('person_', coalesce(person.fate['fate'], 'not_loaded'))
                end,
                'parent', concat('person ', person.id)
            )
    end as fate
from prepare.person as person
left join ledger.contact as contact
    on contact.usercom_id__c = person.id
left join ledger.lead as lead
    on lead.usercom_id__c = person.id
left join prepare.converted_lead as converted
    on converted.person_id = person.id
