-- grain: one row per owner without exactly one Salesforce User
-- hint: provision these users in Salesforce, or name a user for them in config/owners.csv, then run again
select
    o.owner_key,
    o.email,
    o.name,
    o.active,
    o.records,
    o.problem
from prepare.owner as o
where o.problem is not null
order by o.records desc, o.owner_key
