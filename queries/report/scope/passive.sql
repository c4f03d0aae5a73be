-- grain: one row per kind of person: with or without an address
select
    case
        when trim(person.email) <> '' or trim(person.phone_number) <> '' then 'with an address'
        else 'passive: neither e-mail nor phone'
    end as kind,
    count(*) * 2 as kilobytes_in_salesforce,
    count(*) as people
from usercom.people as person
group by kind
order by people desc
