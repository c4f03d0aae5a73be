-- grain: one row per field with a policy for values that do not fit it
select
    policy.object,
    policy.field,
    policy.policy
from config.value_policy as policy
