-- grain: one row per currency that a deal or product names: how the org takes it
-- key: currency
with named as (
    select coalesce(nullif(upper(trim(d.currency)), ''), $currency) as currency
    from usercom.deals as d
    union all
    select coalesce(nullif(upper(trim(p.currency)), ''), $currency)
    from usercom.products as p
)

select
    n.currency,
    o.iso_code,
    case
        when o.iso_code is not null or n.currency = $currency then 1.0
        else max(try_cast(r.rate as double))
    end as rate
from named as n
left join org.currencies as o
    on o.iso_code = n.currency
left join config.rates as r
    on upper(trim(r.currency)) = n.currency
group by n.currency, o.iso_code
