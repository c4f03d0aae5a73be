-- grain: one row per title before a name: the salutation of Salesforce
-- key: title
with named as (
    select trim(lower(decision.word), '.') as title, decision.salutation, 1 as place
    from config.name_words as decision
    where lower(decision.kind) = 'title'
    union all
    select trim(lower(known.word), '.'), known.salutation, 2
    from config.known_name_words as known
    where known.kind = 'title'
)

select
    named.title,
    first_value(named.salutation order by named.place) as salutation
from named
group by named.title
