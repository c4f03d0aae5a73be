-- grain: one row per deal with lines: what is missing to its value, and where the cents of a conversion go
-- key: deal_id
select
    d.id as deal_id,
    max(d.iso_code) as iso_code,
    min(l.id) as first_line,
    round(max(cast(d.value as double)) - sum(l.deal_total), 2) as missing,
    round(max(cast(d.amount as double)) - sum(l.total), 2) as missing_amount
from prepare.deal_line as l
inner join prepare.deal as d
    on d.id = l.deal_id
where l.problem is null
group by d.id
