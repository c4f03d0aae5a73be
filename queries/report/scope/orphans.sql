-- grain: one row per kind of record that lacks what it hangs on
with lonely as (
    select 'companies without people' as kind, count(*) as records
    from usercom.companies as company
    left anti join usercom.people as person
        on person.company_id = company.id
    union all
    select 'people of a company that the export lacks', count(*)
    from usercom.people as person
    left join usercom.companies as company
        on company.id = person.company_id
    where person.company_id is not null and company.id is null
    union all
    select 'deals without company', count(*)
    from usercom.deals as deal
    where deal.company_id is null
    union all
    select 'deals of a person that the export lacks', count(*)
    from usercom.deals as deal
    left join usercom.people as person
        on person.id = deal.person_id
    where deal.person_id is not null and person.id is null
    union all
    select 'activities about nobody', count(*)
    from usercom.activities as activity
    where
        activity.person_id is null
        and activity.company_id is null
        and activity.deal_id is null
)

select
    lonely.kind,
    lonely.records
from lonely
where lonely.records > 0
order by lonely.records desc, lonely.kind
