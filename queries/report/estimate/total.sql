-- grain: one row: how long the whole run takes, and what that rests on
select
    total.target as destination,
    round(total.low_seconds / 60, 1) as low_minutes,
    round(total.likely_seconds / 60, 1) as likely_minutes,
    round(total.high_seconds / 60, 1) as high_minutes,
    coalesce(total.measured, 'nothing: not calibrated') as measured_on
from estimate.total as total
