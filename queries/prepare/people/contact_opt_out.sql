-- grain: one row per person who wants no e-mail and whose Contact is not sent as a whole
-- key: id
-- A wish to hear nothing does not wait for what the rest of the row waits for.
select
    person.id,
    contact.id as contact_id
from mapped.people as source
inner join prepare.person as person
    on person.id = source.id
inner join known.contact as contact
    on contact.number = person.id and contact.live = 'live'
left join prepare.contact as waiting
    on waiting.id = person.id
where source.unsubscribed
    and (person.target <> 'Contact' or array_any_value(waiting.fates) is not null)
    and coalesce(person.fate['fate'], '') <> 'out_of_scope'
