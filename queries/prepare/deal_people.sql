-- grain: one row per deal and person on it, the main person first
-- key: deal_id, person_id
with named as (
    select d.id as deal_id, d.person_id, true as is_main
    from usercom.deals as d
    where d.person_id is not null
    union all
    select d.id, unnest(d.participant_ids), false
    from usercom.deals as d
)

select
    n.deal_id,
    n.person_id,
    bool_or(n.is_main) as is_main
from named as n
group by n.deal_id, n.person_id
