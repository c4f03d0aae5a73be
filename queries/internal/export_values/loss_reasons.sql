-- grain: one row per number of a loss reason that the export gives no name, with its deals
select
    cast(deal.loss_reason_id as varchar) as loss_reason,
    count(*) as rows
from usercom.deals as deal
where deal.loss_reason_id is not null
group by deal.loss_reason_id
having max(deal.loss_reason) is null
order by rows desc, deal.loss_reason_id
