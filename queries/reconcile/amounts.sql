-- grain: one row per deal whose lines made another amount than the one that was sent
select
    o.usercom_id__c as deal_id,
    s."Amount" as sent,
    a.amount as found
from org.amounts as a
inner join ledger.opportunity as o
    on o.id = a.id
inner join outbox.opportunity as s
    on s.usercom_id__c = o.usercom_id__c
where abs(cast(s."Amount" as double) - try_cast(a.amount as double)) >= 0.01
