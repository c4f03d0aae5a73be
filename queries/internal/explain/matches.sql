-- grain: one row per decision about a record of the org that the explained one may be
select
    matches._place as decided_in,
    matches.object || ' ' || matches.usercom_id as what,
    concat_ws(' ', matches.decision, matches.salesforce_id) as says
from config.matches as matches
inner join (
    select distinct load.object, load.key from explained.load as load
) as load
    on load.object = matches.object and load.key = matches.usercom_id
