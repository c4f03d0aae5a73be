-- grain: one row per deal with lines: what is missing to its value
-- key: deal_id
-- The first line takes the cents of a conversion.
select
    deal.id as deal_id,
    max(deal.iso_code) as iso_code,
    min(line.id) as first_line,
    max(deal.value) - sum(line.deal_total) as missing,
    max(deal.amount) - sum(line.total) as missing_amount
from prepare.deal_line as line
inner join prepare.deal as deal
    on deal.id = line.deal_id
where line.problem is null and line.fate is null
group by deal.id
