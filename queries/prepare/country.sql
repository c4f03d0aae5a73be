-- grain: one row per spelling of a country: config/countries.csv first, then ISO 3166
-- key: name
with named as (
    select lower(trim(c.country)) as name, upper(trim(c.code)) as code, 1 as place
    from config.countries as c
    union all
    select lower(trim(i.country)), upper(trim(i.code)), 2
    from config.iso_countries as i
    union all
    select lower(trim(i.code)), upper(trim(i.code)), 3
    from config.iso_countries as i
)

select
    n.name,
    first_value(n.code order by n.place) as code
from named as n
group by n.name
