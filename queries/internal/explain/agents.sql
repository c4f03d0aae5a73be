-- grain: one row per decision about the agent that is explained
select
    decided._place as decided_in,
    concat('owner ', record.id) as what,
    decided.user_email as says
from explained.record as record
inner join config.owners as decided
    on decided.owner_id = cast(record.id as varchar)
    or lower(decided.owner_email) = record.email_key
union all
select
    'prepare.owner' as decided_in,
    concat('owner ', owner.owner_key) as what,
    case
        when owner.user_id is not null then concat_ws(' ', 'user', owner.user_id, owner.email)
        else coalesce(owner.problem, 'the user of the migration')
    end as says
from explained.record as record
inner join prepare.owner as owner
    on owner.owner_key in (cast(record.id as varchar), record.email_key)
