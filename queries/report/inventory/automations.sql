-- grain: one row per automation of the form
select
    automation.automation,
    automation.triggers,
    automation.watches,
    automation.conditions,
    automation.actions,
    automation.does,
    automation.note
from config.automations as automation
where automation.automation not like 'Example:%'
order by automation.automation
