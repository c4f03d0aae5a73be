-- grain: one row per Lead that waits while its person wants no e-mail any more
-- source: prepare.lead_opt_out
-- object: Lead
-- operation: update
-- key: usercom_id__c
-- instead of: lead
select
    opt_out.id as usercom_id__c,
    true as "HasOptedOutOfEmail",
    opt_out.lead_id as _id
from prepare.lead_opt_out as opt_out
