-- grain: one row per row that moves, the first twenty of each move
with numbered as (
    select
        pair.*,
        row_number() over (
            partition by
                pair.object_before, pair.fate_before, pair.object_now, pair.fate_now
            order by pair.key
        ) as place
    from diff.pairs as pair
    where pair.is_moved
)

select
    numbered.object_before,
    numbered.fate_before,
    numbered.object_now,
    numbered.fate_now,
    numbered.key,
    numbered.reason_before,
    numbered.reason_now
from numbered
where numbered.place <= 20
