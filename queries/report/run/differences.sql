-- grain: one row per field that the org has otherwise than it was sent
select
    difference.load,
    difference.key,
    difference.kind,
    difference.field,
    difference.sent,
    difference.found
from recon.differences as difference
order by difference.load, difference.key, difference.field
