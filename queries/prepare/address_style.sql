-- grain: one row per object with addresses: whether the org takes codes of countries there
select
    f.object,
    bool_or(f.name like '%CountryCode') as takes_codes
from org.fields as f
where f.object in ('Account', 'Contact', 'Lead')
group by f.object
