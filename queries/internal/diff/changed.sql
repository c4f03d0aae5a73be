-- grain: one row per row that moves or has another value in a field
select pair.key
from diff.pairs as pair
where pair.is_moved
union
select altered.key
from diff.altered as altered
