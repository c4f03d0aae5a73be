-- grain: one row per deal whose lines made another amount than the one that was sent
select
    opportunity.usercom_id__c as deal_id,
    sent."Amount" as sent,
    found.amount as found
from org.amounts as found
inner join ledger.opportunity as opportunity
    on opportunity.id = found.id
inner join outbox.opportunity as sent
    on sent.usercom_id__c = opportunity.usercom_id__c
where abs(cast(sent."Amount" as double) - try_cast(found.amount as double)) >= 0.01
