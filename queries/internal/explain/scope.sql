-- grain: one row: whether [scope] leaves the explained record in
select record.in_scope as inside
from explained.record as record
