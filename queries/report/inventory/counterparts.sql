-- grain: one row per automation, trigger and group of actions: what takes its place
select
    step.automation,
    step.trigger,
    step.action,
    step.counterpart,
    step.reason,
    step.limits,
    step.while_loading
from config.automation_steps as step
order by step.automation, step.trigger, step.action
