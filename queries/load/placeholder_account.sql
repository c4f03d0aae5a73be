-- grain: one row if customers without a company share an Account
-- source: none
-- object: Account
-- operation: upsert
-- key: usercom_id__c
select
    'placeholder' as usercom_id__c,
    'Customers without a company' as "Name"
where $companyless_customers = 'placeholder_account'
