-- grain: one row per person and list that it names: the list's key and name
-- key: segment_key, person_id
-- A list that no file of lists declares is known by what people call it.
with named as (
    select person.id as person_id, trim(unnest(person.lists)) as list
    from usercom.people as person
),

keyed as (
    select
        named.person_id,
        coalesce(cast(list.id as varchar), lower(named.list)) as list_key,
        case
            when list.id is null and try_cast(named.list as bigint) is not null
                then concat('List ', named.list)
            else named.list
        end as name,
        list.id is not null as is_declared
    from named
    left join mapped.lists as list
        on cast(list.id as varchar) = named.list or list.name_key = lower(named.list)
    where named.list <> ''
)

select
    concat('list:', keyed.list_key) as segment_key,
    keyed.person_id,
    min(keyed.name) as name,
    bool_or(keyed.is_declared) as is_declared
from keyed
group by keyed.list_key, keyed.person_id
