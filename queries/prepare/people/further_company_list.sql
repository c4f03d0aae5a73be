-- grain: one row per person with further companies that it is not related to: their names
-- key: person_id
select
    further.person_id,
    array_to_string(array_sort(array_agg(distinct further.name)), '; ') as companies
from prepare.further_company as further
where further.target = 'Lead' or $company_links = 'none'
group by further.person_id
