-- grain: one row per currency: what one of it is worth in the project's own currency
-- key: currency
select
    upper(trim(rate.currency)) as currency,
    max(try_cast(rate.rate as double)) as rate
from config.rates as rate
where upper(trim(rate.currency)) <> $currency
group by upper(trim(rate.currency))
union all
select $currency, 1.0
