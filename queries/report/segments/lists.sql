-- grain: one row per list: people were added to it by hand, so it has no rule
with listed as (
    select lower(trim(unnest(person.lists))) as name
    from usercom.people as person
),

members as (
    select listed.name, count(*) as people
    from listed
    group by listed.name
)

select
    list.name,
    list.description,
    coalesce(members.people, 0) as people
from usercom.lists as list
left join members
    on members.name = lower(trim(list.name)) or members.name = cast(list.id as varchar)
order by people desc, list.name
