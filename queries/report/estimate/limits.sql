-- grain: one row per limit of the org that the run takes from
select
    limits."limit" as limit_of_the_org,
    limits.needed,
    limits.remaining as left_today,
    case when limits.fits_today then 'enough' else 'too little today' end as verdict
from estimate.limits as limits
order by limits."limit"
