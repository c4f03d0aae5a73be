-- grain: one row per event whose start holds something that cannot be read
-- key: id
select rejected.id
from rejects.events as rejected
where rejected.id is not null and rejected."column" = 'start_at'
group by rejected.id
