-- grain: one row per decision about values that the source and the org both changed
select
    decisions._place as decided_in,
    concat_ws('.', decisions.object, decisions.field) as what,
    coalesce(decisions.decision, 'not decided yet') as says
from config.decisions as decisions
inner join (
    select distinct load.object, load.key from explained.load as load
) as load
    on load.object = decisions.object and load.key = decisions.key
