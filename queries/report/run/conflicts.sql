-- grain: one row per field that both sides changed, with what was decided about it
select
    conflict.load,
    conflict.key,
    conflict.field,
    conflict.state,
    conflict.base as before,
    conflict.ours as source,
    conflict.theirs as org,
    conflict.changed_by,
    conflict.changed_at,
    conflict.source_changed_at,
    conflict.link
from recon.conflicts as conflict
order by conflict.state, conflict.load, conflict.key, conflict.field
