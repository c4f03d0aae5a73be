-- grain: one row per field of the sample that was drawn last
select
    sample.load,
    sample.key,
    sample.salesforce_id,
    sample.field
from recon.samples as sample
