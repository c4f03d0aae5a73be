-- grain: one row per column of the export: how many rows have a value
select
    field.source as object,
    coalesce(field.attribute, field."column") as field,
    case when field.attribute is null then 'standard' else 'own' end as kind,
    field.rows_with_value,
    known.values as distinct_values_about,
    case
        when field.rows > 0
            then cast(field.rows_with_value as double) * 100 / cast(field.rows as double)
    end as percent_filled
from staged.columns as field
left join staged.distinct_values as known
    on known.source = field.source and known."column" = field."column"
where field.present
order by object, percent_filled desc, field
