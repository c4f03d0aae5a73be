-- grain: one row per person and further company, beside the one that it belongs to
-- key: person_id, company_id
select
    link.person_id,
    link.company_id,
    person.target,
    coalesce(nullif(trim(company.name), ''), concat('company ', link.company_id)) as name
from prepare.company_of_person as link
left join prepare.person as person
    on person.id = link.person_id
left join usercom.companies as company
    on company.id = link.company_id
where person.company_id is distinct from link.company_id
