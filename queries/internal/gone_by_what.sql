-- grain: one row for what becomes of records that the source no longer has, with how many there are
select
    gone.what as name,
    count(*) as rows
from recon.gone_this_load as gone
group by gone.what
