-- grain: one row per kind of counterpart: automations that it takes the place of
with started as (
    select
        automation.automation,
        automation.actions,
        trim(unnest(string_to_array(automation.triggers, '|'))) as trigger
    from config.automations as automation
    where automation.automation not like 'Example:%'
),

steps as (
    select
        started.automation,
        started.trigger,
        trim(unnest(string_to_array(coalesce(started.actions, 'not said'), '|'))) as action
    from started
),

ranked as (
    select
        steps.automation,
        rule.counterpart,
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
    coalesce(ranked.counterpart, 'to be decided') as counterpart,
    count(distinct ranked.automation) as automations
from ranked
where ranked.place = 1
group by ranked.counterpart
order by automations desc, counterpart
