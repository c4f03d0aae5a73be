-- grain: one row per spelling of a country in the export, with the records that have it
with placed as (
    select company.country from usercom.companies as company
    union all
    select person.country from usercom.people as person
)

select
    trim(placed.country) as country,
    count(*) as rows
from placed
where trim(placed.country) <> ''
group by trim(placed.country)
order by rows desc, country
