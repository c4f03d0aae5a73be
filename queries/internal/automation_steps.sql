-- grain: one row per automation, trigger and group of actions, with the rule that fits it best
-- A rule for trigger and actions goes before one for the trigger alone. The example of the form
-- takes no part.
with started as (
    select
        automation.automation,
        automation.watches,
        automation.actions,
        trim(unnest(string_to_array(automation.triggers, '|'))) as trigger
    from config.automations as automation
    where automation.automation not like 'Example:%'
),

steps as (
    select
        started.automation,
        started.watches,
        started.trigger,
        trim(unnest(string_to_array(coalesce(started.actions, 'not said'), '|'))) as action
    from started
),

ranked as (
    select
        steps.automation,
        steps.watches,
        steps.trigger,
        steps.action,
        rule.counterpart,
        rule.reason,
        rule.limits,
        rule.while_loading,
        row_number() over (
            partition by steps.automation, steps.trigger, steps.action
            order by case when rule.actions is null then 1 else 0 end
        ) as place
    from steps
    left join config.automation_counterparts as rule
        on lower(rule.trigger) = lower(steps.trigger)
        and (rule.actions is null or lower(rule.actions) = lower(steps.action))
)

select
    ranked.automation,
    ranked.watches,
    ranked.trigger,
    ranked.action,
    coalesce(ranked.counterpart, 'to be decided: no rule for this trigger') as counterpart,
    ranked.reason,
    ranked.limits,
    ranked.while_loading
from ranked
where ranked.place = 1
