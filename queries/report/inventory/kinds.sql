-- grain: one row per kind of counterpart: automations that it takes the place of
select
    step.counterpart,
    count(distinct step.automation) as automations
from config.automation_steps as step
group by step.counterpart
order by automations desc, step.counterpart
