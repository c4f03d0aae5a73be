-- grain: one row per deal whose lines made another amount than the one that was sent
-- A line that waits, that the source no longer has or that somebody changed in the org explains
-- it, and is listed there.
with known as (
    select held.load, held.key
    from recon.held as held
    union all
    select edit.load, edit.key
    from recon.changed_by_org as edit
    union all
    select gone.load, gone.key
    from recon.gone as gone
),

explained as (
    select
        coalesce(opportunity.id, line."OpportunityId") as opportunity_id
    from known
    left join prepare.deal_line as deal_line
        on concat('line:', deal_line.id) = known.key
    left join ledger.opportunity as opportunity
        on opportunity.usercom_id__c = deal_line.deal_id
    left join org.opportunity_line_item as line
        on line.usercom_id__c = known.key
    where known.load = 'opportunity_line_item'
    group by coalesce(opportunity.id, line."OpportunityId")
)

select
    opportunity.usercom_id__c as deal_id,
    sent."Amount" as sent,
    found.amount as found
from org.amounts as found
inner join ledger.opportunity as opportunity
    on opportunity.id = found.id
inner join outbox.opportunity as sent
    on sent.usercom_id__c = opportunity.usercom_id__c
left join explained
    on left(explained.opportunity_id, 15) = left(opportunity.id, 15)
where explained.opportunity_id is null
    and sent."Amount" is not null
    and coalesce(
        abs(cast(sent."Amount" as double) - try_cast(found.amount as double)) >= 0.01, true
    )
