-- grain: one row per row of a load's outbox that is explained
-- `this_key` stands for the text of a row's key, `is_asked` for the rows.
select
    sent.this_key as _the_key,
    sent.*
from outbox.this_load as sent
where sent.is_asked
