-- grain: one row per campaign: the status that says no more than that somebody was in the segment
-- object: CampaignMemberStatus
-- operation: insert
-- key: CampaignId, Label
-- when: $segment_strategy = 'campaigns'
-- feature: needs the user permission Marketing User; without campaigns set segment_strategy = "static_list"
select
    campaign.id as "CampaignId",
    'Member' as "Label",
    false as "HasResponded",
    false as "IsDefault",
    10 as "SortOrder"
from ledger.campaign as campaign
where campaign.id is not null
