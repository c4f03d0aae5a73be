-- grain: one row per load, user and ten minutes, with how many of our records the user changed then
select
    edit.load,
    edit.changed_by,
    concat(substr(edit.changed_at, 1, 15), '0') as started,
    count(distinct edit.key) as records
from recon.changed_by_org as edit
where edit.changed_by <> 'automation'
group by edit.load, edit.changed_by, concat(substr(edit.changed_at, 1, 15), '0')
