-- grain: one row per deal that comes with the sample
-- Those of its people, as main person, as participant or because something about them names the
-- deal; and those of no person at the people's own companies.
with named as (
    select deal.id, deal.person_id
    from usercom.deals as deal
    union all
    select deal.id, unnest(deal.participant_ids)
    from usercom.deals as deal
    union all
    select item.deal_id, item.person_id
    from prepare.item as item
),

company as (
    select person.company_id as id
    from prepare.person_company as person
    inner join sample.people as sampled
        on sampled.id = person.id
    group by person.company_id
)

select named.id
from named
inner join sample.people as person
    on person.id = named.person_id
where named.id is not null
union
select deal.id
from mapped.deals as deal
left join prepare.company_name as by_name
    on by_name.name = deal.company_name_key
inner join company
    on company.id = coalesce(deal.company_id, by_name.company_id)
where deal.person_id is null and coalesce(cardinality(deal.participant_ids), 0) = 0
