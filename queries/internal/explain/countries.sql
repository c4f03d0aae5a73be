-- grain: one row per decision about the country of the record that is explained
select
    country._place as decided_in,
    'country ' || country.country as what,
    upper(country.code) as says
from explained.record as record
inner join config.countries as country
    on lower(country.country) = record.country_key
