-- grain: one row per e-mail address that several people have: how many, and who
-- key: email
select
    person.email_key as email,
    count(*) as people,
    array_to_string(array_sort(array_agg(person.id)), ', ') as ids
from mapped.people as person
where person.email_key is not null
group by person.email_key
having count(*) > 1
