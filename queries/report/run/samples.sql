-- grain: one row per field of each record that was drawn last, source and org side by side
select
    sample.load,
    sample.key,
    sample.field,
    sample.source_values,
    sample.in_org,
    sample.comparison,
    coalesce(checked.verdict, '☐') as checked,
    sample.link as org_link,
    sample.source_link
from recon.samples as sample
left join config.verified as checked
    on checked.record_id = sample.salesforce_id and checked.field = sample.field
order by sample.load, sample.key, sample.field
