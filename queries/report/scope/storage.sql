-- grain: one row per object of the export: data storage that its records take in Salesforce
-- Most records take two kilobytes (Salesforce Help, data storage sizes).
select
    file.source as object,
    sum(file.rows - file.rejected_rows) as records,
    cast(sum(file.rows - file.rejected_rows) as double) * 2 / 1024 as megabytes
from staged.files as file
where
    file.source in (
        'people', 'companies', 'deals', 'activities', 'events', 'emails', 'sms', 'messages',
        'products', 'deal_products', 'stage_changes'
    )
group by file.source
order by megabytes desc, records desc, object
