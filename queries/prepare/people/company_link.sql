-- grain: one row per company: the Account it became, or why there is none
-- key: company_id
select
    company.id as company_id,
    account.id as account_id,
    case
        when account.id is null and left_out.fate is not null then left_out.fate
        when account.id is null
            then named_struct(
                'fate', 'held',
                'reason', 'company_missing',
                'parent', concat('company ', company.id)
            )
    end as fate
from usercom.companies as company
left join ledger.account as account
    on account.usercom_id__c = company.id
left join prepare.company_out_of_scope as left_out
    on left_out.company_id = company.id
