-- grain: one row per person on a deal in scope, as its main person or a participant
-- key: person_id
select
    participant.person_id,
    count(*) as deals
from prepare.deal_participant as participant
inner join prepare.deal as deal
    on deal.id = participant.deal_id
where deal.fate['fate'] is distinct from 'out_of_scope'
group by participant.person_id
