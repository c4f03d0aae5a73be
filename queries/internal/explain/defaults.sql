-- grain: one row per default that stands in a record of the row that is explained
with used as (
    select distinct
        load.object,
        case flagged.flag
            when 'last_name_from_default' then 'LastName'
            when 'company_from_default' then 'Company'
            when 'close_date_from_default' then 'CloseDate'
            when 'name_from_default' then 'Name'
        end as field
    from explained.load as load
    inner join recon.flagged as flagged
        on flagged.load = load.load and flagged.key = load.key
)

select
    defaults._place as decided_in,
    concat_ws('.', defaults.object, defaults.field) as what,
    defaults.value as says
from config.defaults as defaults
inner join used
    on used.object = defaults.object and used.field = defaults.field
