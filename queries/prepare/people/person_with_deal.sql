-- grain: one row per person with a deal in scope
-- key: person_id
select
    deal.person_id,
    count(*) as deals
from mapped.deals as deal
where deal.person_id is not null and deal.in_scope
group by deal.person_id
