-- grain: one row per currency of the export other than the project's, with what is in it
with priced as (
    select upper(trim(deal.currency)) as currency from usercom.deals as deal
    union all
    select upper(trim(product.currency)) from usercom.products as product
)

select
    priced.currency,
    count(*) as rows
from priced
where priced.currency <> $currency
group by priced.currency
order by rows desc, priced.currency
