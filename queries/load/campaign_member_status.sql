-- grain: one row per campaign: the status that says no more than that somebody was in the segment
-- source: prepare.segment by key
-- object: CampaignMemberStatus
-- operation: insert
-- key: CampaignId, Label
-- when: $segment_strategy = 'campaigns'
-- feature: needs the user permission Marketing User; without campaigns set segment_strategy = "static_list"
select
    coalesce(campaign.id, segment.key) as "CampaignId",
    'Member' as "Label",
    false as "HasResponded",
    false as "IsDefault",
    10 as "SortOrder",
    segment.key as _source,
    case
        when not segment.in_scope
            then named_struct('fate', 'out_of_scope', 'reason', 'scope', 'parent', null)
        when campaign.id is null
            then named_struct('fate', 'held', 'reason', 'segment_missing', 'parent', segment.key)
    end as _fate
from prepare.segment as segment
left join ledger.campaign as campaign
    on campaign.usercom_id__c = segment.key
