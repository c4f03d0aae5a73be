-- grain: one row per owner without exactly one Salesforce User
-- hint: provision these users in Salesforce, or name a user for them in config/owners.csv, then run again
select
    owner.owner_key,
    owner.email,
    owner.name,
    owner.active,
    owner.records,
    owner.problem
from prepare.owner as owner
where owner.problem is not null
order by owner.records desc, owner.owner_key
