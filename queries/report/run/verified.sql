-- grain: one row per record that somebody checked by eye, and person
select
    checked.checked_by,
    checked.checked_on,
    checked.load,
    checked.key,
    checked.record_id,
    count(*) as fields,
    count(*) filter (where checked.verdict = 'wrong') as wrong,
    string_agg(checked.remark, '; ') as remarks
from config.verified as checked
group by
    checked.checked_by, checked.checked_on, checked.load, checked.key, checked.record_id
order by wrong desc, checked.checked_on, checked.checked_by, checked.load, checked.key
