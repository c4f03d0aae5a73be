-- grain: one row per person that is a Contact against the split, or both Lead and Contact
select
    person.id,
    person.target,
    person.reason,
    lead.id as lead_id,
    contact.id as contact_id
from prepare.person as person
left join ledger.lead as lead
    on lead.usercom_id__c = person.id
left join ledger.contact as contact
    on contact.usercom_id__c = person.id
left join recon.held as stays
    on stays.load = 'lead'
    and stays.reason = 'is_a_contact_already'
    and stays.key = cast(person.id as varchar)
where contact.id is not null
    and ((person.target = 'Lead' and stays.key is null) or lead.id is not null)
