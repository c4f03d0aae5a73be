-- grain: one row per domain whose addresses say nothing about a company
-- key: domain
select lower(trim(decision.domain)) as domain
from config.free_mail_domains as decision
where decision.domain is not null
union
select known.domain
from config.known_free_mail_domains as known
