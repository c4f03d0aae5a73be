-- grain: one row per row of a decision file that names a row which the export does not have
-- A row that an earlier run loaded is not among them: the next export may lack it.
select
    'matches' as file,
    'usercom_id' as column_name,
    decision.usercom_id as value,
    case decision.object when 'Account' then 'company' else 'person' end as kind
from config.matches as decision
left join usercom.companies as company
    on company.id = try_cast(decision.usercom_id as bigint) and decision.object = 'Account'
left join usercom.people as person
    on person.id = try_cast(decision.usercom_id as bigint) and decision.object <> 'Account'
where company.id is null and person.id is null
union
select 'territories', 'company_id', decision.company_id, 'company'
from config.territories as decision
left join usercom.companies as company
    on company.id = try_cast(decision.company_id as bigint)
where company.id is null
