-- grain: one row per spelling of a country that the org has
-- key: name
-- config/countries.csv comes first, then ISO 3166.
with offered as (
    select distinct unnest(field.picklist_values) as code
    from org.fields as field
    where field.name like '%CountryCode'
),

named as (
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
inner join offered
    on offered.code = named.code
group by named.name
