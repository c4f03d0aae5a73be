-- grain: one row per thing that people did in the org since the first run
-- As many as a person may still look through.
select
    'changed' as what, edit.load, edit.key, ours.id as record, edit.field,
    edit.sent as ours, edit.found as theirs, edit.changed_by as who, edit.changed_at as at
from recon.changed_by_org as edit
left join ledger.records as ours
    on ours.load = edit.load and ours.key = edit.key
union all
select
    lost.became, lost.load, lost.key, lost.id, null, null, null, null, null
from recon.lost as lost
union all
select
    coalesce(made.why, 'made beside ours'), made.like_load, made.like_key, made.id, made.object,
    made.address, made.name, made.made_by, made.made_at
from recon.beside as made
union all
select
    'storm', storm.load, null, null, null, null,
    concat(storm.records, ' records, ', storm.percent, ' %'), storm.changed_by, storm.started
from recon.storms as storm
limit 20000
