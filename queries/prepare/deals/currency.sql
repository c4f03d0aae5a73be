-- grain: one row per currency that a deal or product names: how the org takes it
-- key: currency
-- What is converted is in the project's own currency, which the org may not have as its default.
with named as (
    select coalesce(deal.currency_code, $currency) as currency
    from mapped.deals as deal
    union all
    select coalesce(product.currency_code, $currency)
    from mapped.products as product
)

select
    named.currency,
    coalesce(active.iso_code, own.iso_code) as iso_code,
    case
        when active.iso_code is not null then cast(1 as decimal(20, 12))
        else rate.rate
    end as rate
from named
left join org.currencies as active
    on active.iso_code = named.currency
left join org.currencies as own
    on own.iso_code = $currency
left join prepare.exchange_rate as rate
    on rate.currency = named.currency
group by named.currency, active.iso_code, own.iso_code, rate.rate
