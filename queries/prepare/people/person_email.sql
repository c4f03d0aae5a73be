-- grain: one row per e-mail address that exactly one person has
-- key: email
select
    person.email_key as email,
    min(person.id) as person_id
from mapped.people as person
where person.email_key is not null
group by person.email_key
having count(*) = 1
