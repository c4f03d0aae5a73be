-- grain: one row per person who wants no e-mail and whose Lead is not sent as a whole
-- key: id
-- A wish to hear nothing does not wait for what the rest of the row waits for.
select
    person.id,
    lead.id as lead_id
from mapped.people as source
inner join prepare.person as person
    on person.id = source.id
inner join known.lead as lead
    on lead.number = person.id and lead.live = 'live'
-- A Lead that was converted in this run is its Contact.
left join ledger.lead_conversion as conversion
    on conversion.usercom_id__c = person.id
where source.unsubscribed
    and conversion.id is null
    and (person.target = 'Contact' or person.fate is not null)
    and coalesce(person.fate['fate'], '') <> 'out_of_scope'
