-- grain: one row per field that both sides changed and nobody has decided yet
-- In the form of config/decisions.csv; as many as a person may still look through.
select
    conflict.object,
    conflict.key,
    conflict.field,
    conflict.ours,
    conflict.theirs,
    cast(null as varchar) as decision,
    conflict.base,
    conflict.changed_by,
    conflict.changed_at,
    conflict.source_changed_at,
    conflict.link as record,
    conflict.why as note
from recon.conflicts as conflict
where conflict.state = 'ask'
order by conflict.object, conflict.key, conflict.field
limit 20000
