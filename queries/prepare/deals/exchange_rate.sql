-- grain: one row per currency: what one of it is worth in the project's own currency
-- key: currency
-- Rates are decimals, so that half a cent is one and is rounded up.
select
    upper(trim(rate.currency)) as currency,
    max(try_cast(rate.rate as decimal(20, 12))) as rate
from config.rates as rate
where upper(trim(rate.currency)) <> $currency
group by upper(trim(rate.currency))
union all
select $currency, cast(1 as decimal(20, 12))
