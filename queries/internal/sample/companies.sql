-- grain: one row per company that comes with the sample
-- Those that its people and deals belong to, and those that something about either names.
with named as (
    select link.company_id as id
    from prepare.company_of_person as link
    inner join sample.people as person
        on person.id = link.person_id
    union all
    select link.company_id
    from prepare.person_company as link
    inner join sample.people as person
        on person.id = link.id
    union all
    select coalesce(deal.company_id, by_name.company_id)
    from mapped.deals as deal
    inner join sample.deals as sampled
        on sampled.id = deal.id
    left join prepare.company_name as by_name
        on by_name.name = deal.company_name_key
    union all
    select item.company_id
    from prepare.item as item
    inner join sample.people as person
        on person.id = item.person_id
    union all
    select item.company_id
    from prepare.item as item
    inner join sample.deals as deal
        on deal.id = item.deal_id
    where item.person_id is null
)

select named.id
from named
where named.id is not null
group by named.id
