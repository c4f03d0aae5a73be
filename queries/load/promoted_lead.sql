-- grain: one row per Lead that stays beside the Contact of its person
-- source: prepare.promoted_lead
-- object: Lead
-- operation: update
-- key: usercom_id__c
-- when: $on_promotion = 'create_and_link'
-- field: usercom_contact__c Lookup(Contact)
select
    promoted.id as usercom_id__c,
    contact.id as usercom_contact__c,
    nullif($promoted_status, '') as "Status",
    promoted.lead_id as _id,
    case
        when contact.id is null and promoted.fate['fate'] = 'out_of_scope'
            then named_struct(
                'fate', 'out_of_scope',
                'reason', 'person_out_of_scope',
                'parent', concat('person ', promoted.id)
            )
        when contact.id is null
            then named_struct(
                'fate', 'held',
                'reason', 'person_not_loaded',
                'parent', concat('person ', promoted.id)
            )
    end as _fate
from prepare.promoted_lead as promoted
left join ledger.contact as contact
    on contact.usercom_id__c = promoted.id
