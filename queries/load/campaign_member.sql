-- grain: one row per segment or list and person in it
-- source: prepare.membership
-- object: CampaignMember
-- operation: upsert
-- key: usercom_id__c
-- link: CampaignId, ContactId, LeadId
-- cluster by: CampaignId
-- when: $segment_strategy = 'campaigns'
-- feature: needs the user permission Marketing User; without campaigns set segment_strategy = "static_list"
select
    concat(member.segment_key, ':person:', member.person_id) as usercom_id__c,
    campaign.id as "CampaignId",
    link.contact_id as "ContactId",
    case when link.contact_id is null then link.lead_id end as "LeadId",
    'Member' as "Status",
    member.added_at as "CreatedDate",
    member.added_at as usercom_added_at__c,
    make_array(
        case
            when campaign.id is null and not segment.in_scope
                then named_struct(
                    'fate', 'out_of_scope',
                    'reason', 'segment_out_of_scope',
                    'parent', member.segment_key
                )
            when campaign.id is null
                then named_struct(
                    'fate', 'held', 'reason', 'segment_missing', 'parent', member.segment_key
                )
            when status.id is null
                then named_struct('fate', 'held', 'reason', 'status_missing', 'parent', null)
        end,
        link.fate,
        case
            when link.person_id is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'person_not_in_export',
                    'parent', concat('person ', member.person_id)
                )
        end
    ) as _fate
from prepare.membership as member
left join prepare.person_link as link
    on link.person_id = member.person_id
left join prepare.segment as segment
    on segment.key = member.segment_key
left join ledger.campaign as campaign
    on campaign.usercom_id__c = member.segment_key
left join ledger.campaign_member_status as status
    on status."CampaignId" = campaign.id and status."Label" = 'Member'
