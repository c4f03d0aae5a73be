-- grain: one row per segment or list and person in it
-- object: CampaignMember
-- operation: upsert
-- key: usercom_id__c
-- cluster by: CampaignId
-- when: $segment_strategy = 'campaigns'
-- feature: needs the user permission Marketing User; without campaigns set segment_strategy = "static_list"
select
    concat(m.segment_key, ':person:', m.person_id) as usercom_id__c,
    c.id as "CampaignId",
    w.contact_id as "ContactId",
    case when w.contact_id is null then w.lead_id end as "LeadId",
    'Member' as "Status",
    m.added_at as "CreatedDate",
    m.added_at as usercom_added_at__c,
    case
        when w.person_id is null or c.id is null then 'held'
        when w.fate is not null then w.fate
        when s.id is null then 'held'
    end as _fate,
    case
        when w.person_id is null then 'person_not_in_export'
        when c.id is null then 'segment_missing'
        when w.fate is not null then w.reason
        when s.id is null then 'status_missing'
    end as _reason,
    case
        when w.person_id is null or w.fate is not null then concat('person ', m.person_id)
        when c.id is null then m.segment_key
    end as _parent
from prepare.membership as m
left join prepare.person_link as w
    on w.person_id = m.person_id
left join ledger.campaign as c
    on c.usercom_id__c = m.segment_key
left join ledger.campaign_member_status as s
    on s."CampaignId" = c.id and s."Label" = 'Member'
