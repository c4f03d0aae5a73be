-- grain: one row per finding of the preflight that somebody acknowledged
select preflight.finding
from config.preflight as preflight
where preflight.finding is not null
