-- grain: one row per fitted value of the row that is explained, and what decided how
select
    coalesce(policy._place, 'the default policy') as decided_in,
    concat_ws(' ', concat_ws('.', load.object, altered.field), altered.why) as what,
    concat_ws(', ', policy.policy, altered.done) as says
from explained.load as load
inner join recon.altered as altered
    on altered.load = load.load and altered.key = load.key
left join config.value_policy as policy
    on lower(policy.object) = lower(load.object) and lower(policy.field) = lower(altered.field)
