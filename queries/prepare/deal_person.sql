-- grain: one row per person with a deal in scope
-- key: person_id
select
    d.person_id,
    count(*) as deals
from mapped.deals as d
where d.person_id is not null and d.in_scope
group by d.person_id
