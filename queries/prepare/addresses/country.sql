-- grain: one row per spelling of a country: config/countries.csv first, then ISO 3166
-- key: name
with named as (
    select lower(decision.country) as name, upper(decision.code) as code, 1 as place
    from config.countries as decision
    union all
    select lower(iso.country), upper(iso.code), 2
    from config.iso_countries as iso
    union all
    select lower(iso.code), upper(iso.code), 3
    from config.iso_countries as iso
)

select
    named.name,
    first_value(named.code order by named.place) as code
from named
group by named.name
