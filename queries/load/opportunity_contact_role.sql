-- grain: one row per deal and person on it
-- source: prepare.deal_participant by deal_id, person_id
-- object: OpportunityContactRole
-- operation: insert
-- key: OpportunityId, ContactId
-- link: OpportunityId, ContactId
-- cluster by: OpportunityId
select
    coalesce(deal.opportunity_id, concat('deal ', participant.deal_id)) as "OpportunityId",
    coalesce(link.contact_id, concat('person ', participant.person_id)) as "ContactId",
    -- Two of its people may be one Contact by now.
    bool_or(participant.is_main) over (
        partition by participant.deal_id, coalesce(link.contact_id, cast(link.person_id as varchar))
    ) as "IsPrimary",
    concat_ws('|', participant.deal_id, participant.person_id) as _source,
    make_array(
        deal.fate,
        case
            when deal.deal_id is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'deal_missing',
                    'parent', concat('deal ', participant.deal_id)
                )
        end,
        link.fate,
        case
            when link.person_id is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'person_not_in_export',
                    'parent', concat('person ', participant.person_id)
                )
            when link.contact_id is null
                and link.fate is null
                and deal.opportunity_id is not null
                then named_struct(
                    'fate', 'ignored',
                    'reason', 'lead_on_deal_kept_in_field',
                    'parent', concat('person ', participant.person_id)
                )
        end
    ) as _fate
from prepare.deal_participant as participant
left join prepare.person_link as link
    on link.person_id = participant.person_id
left join prepare.deal_link as deal
    on deal.deal_id = participant.deal_id
