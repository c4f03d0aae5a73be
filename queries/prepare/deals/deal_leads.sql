-- grain: one row per deal with people that are Leads, whom a role cannot name
-- key: deal_id
select
    participant.deal_id,
    array_to_string(
        array_sort(
            array_agg(concat('person ', participant.person_id, ' (lead ', link.lead_id, ')'))
        ),
        ', '
    ) as leads
from prepare.deal_participant as participant
inner join prepare.person_link as link
    on link.person_id = participant.person_id
where link.lead_id is not null and link.contact_id is null
group by participant.deal_id
