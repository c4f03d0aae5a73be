-- grain: one row per value of the export that no decision names, as `transload check` lists them
select
    open.file,
    open.value,
    open."rows",
    open.of_what,
    open.without_a_decision,
    open.proposed
from staged.open_decisions as open
order by open."rows" desc, open.file, open.value
