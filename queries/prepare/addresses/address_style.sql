-- grain: one row per object with addresses: whether the org takes codes of countries there
select
    field.object,
    bool_or(field.name like '%CountryCode') as takes_codes
from org.fields as field
where field.object in ('Account', 'Contact', 'Lead')
group by field.object
