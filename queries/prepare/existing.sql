-- grain: one row per record that is in the org and not ours
-- domains and addresses are written as prepare.matches writes them
select
    'Account' as object,
    a.id,
    a.name,
    'domain' as basis,
    regexp_replace(
        lower(trim(a.website)), '^(?:https?:)?/*(?:www\.)?([^/?#:]*?)\.?(?:[/?#:].*)?$', '\1'
    ) as value
from org.existing_accounts as a
union all
select 'Contact', c.id, c.name, 'email', lower(trim(c.email))
from org.existing_contacts as c
union all
select 'Lead', l.id, l.name, 'email', lower(trim(l.email))
from org.existing_leads as l
