-- grain: one row per deal and person on it, the main person first
-- key: deal_id, person_id
with named as (
    select deal.id as deal_id, deal.person_id, true as is_main
    from usercom.deals as deal
    where deal.person_id is not null
    union all
    select deal.id, unnest(deal.participant_ids), false
    from usercom.deals as deal
)

select
    named.deal_id,
    named.person_id,
    bool_or(named.is_main) as is_main
from named
group by named.deal_id, named.person_id
