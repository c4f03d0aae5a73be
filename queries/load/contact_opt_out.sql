-- grain: one row per Contact that waits while its person wants no e-mail any more
-- source: prepare.contact_opt_out
-- object: Contact
-- operation: update
-- key: usercom_id__c
-- instead of: contact
select
    opt_out.id as usercom_id__c,
    true as "HasOptedOutOfEmail",
    opt_out.contact_id as _id
from prepare.contact_opt_out as opt_out
