-- grain: one row per decision about the owner of the record that is explained
-- explained.record is its row of mapped.*, explained.load its loads with their objects and keys
with named as (
    select
        record.owner_key,
        coalesce(agent.email_key, record.owner_key) as email
    from explained.record as record
    left join mapped.agents as agent
        on cast(agent.id as varchar) = record.owner_key
)

select
    decided._place as decided_in,
    'owner ' || named.owner_key as what,
    decided.user_email as says
from named
inner join config.owners as decided
    on decided.owner_id = named.owner_key or lower(decided.owner_email) = named.email
union all
select
    'prepare.owner' as decided_in,
    case
        when owner.owner_key = '' then 'no owner: default_owner'
        else 'owner ' || owner.owner_key
    end as what,
    case
        when owner.user_id is not null then concat_ws(' ', 'user', owner.user_id, owner.email)
        else coalesce(owner.problem, 'the user of the migration')
    end as says
from named
inner join prepare.owner as owner
    on owner.owner_key = named.owner_key
