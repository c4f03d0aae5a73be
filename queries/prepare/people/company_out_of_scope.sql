-- grain: one row per company outside [scope] that no run has loaded: why what belongs to it stays
-- key: company_id
select
    company.id as company_id,
    named_struct(
        'fate', 'out_of_scope',
        'reason', case
            when company.scope_reason = 'sample' then 'sample'
            else 'company_out_of_scope'
        end,
        'parent', concat('company ', company.id)
    ) as fate
from mapped.companies as company
left join known.account as account
    on account.number = company.id
where not company.in_scope and account.id is null
