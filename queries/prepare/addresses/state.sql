-- grain: one row per country and spelling of a state that the org has there
-- key: country, name
-- Its name comes first, then its code; `WA` is a state of two countries.
with spelled as (
    select state.country, lower(state.name) as name, state.code, 1 as place
    from org.states as state
    union all
    select state.country, lower(state.code), state.code, 2
    from org.states as state
)

select
    spelled.country,
    spelled.name,
    first_value(spelled.code order by spelled.place, spelled.code) as code
from spelled
group by spelled.country, spelled.name
