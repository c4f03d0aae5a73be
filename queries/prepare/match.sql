-- grain: one row per row of the export that may be in the org, or that config/matches.csv names: which record, or why it waits
-- key: target, id
with decided as (
    select
        case lower(trim(d.object)) when 'account' then 'company' else 'person' end as kind,
        try_cast(trim(d.usercom_id) as bigint) as id,
        trim(d.salesforce_id) as salesforce_id,
        left(trim(d.salesforce_id), 15) as record,
        lower(trim(d.decision)) as decision
    from config.matches as d
    where lower(trim(d.object)) in ('account', 'contact', 'lead') and trim(d.decision) <> ''
),

decision as (
    select
        d.kind,
        d.id,
        bool_or(d.decision = 'same') as same,
        bool_or(d.decision = 'new') as new,
        bool_or(d.decision <> 'same' and d.decision <> 'new') as unclear,
        count(distinct d.record) filter (where d.decision = 'same') as records,
        min(d.record) filter (where d.decision = 'same') as record,
        min(d.salesforce_id) filter (where d.decision = 'same') as salesforce_id
    from decided as d
    where d.id is not null
    group by d.kind, d.id
),

claim as (
    select d.record, count(distinct concat(d.kind, d.id)) as claims
    from decided as d
    where d.decision = 'same'
    group by d.record
),

proposal as (
    select
        case m.target when 'Account' then 'company' else 'person' end as kind,
        m.usercom_id as id,
        bool_and(m.object <> m.target) as elsewhere,
        max(m.rows_of_the_export) > 1 or max(m.records_of_the_org) > 1 as several,
        array_to_string(array_sort(array_agg(concat(lower(m.object), ' ', m.salesforce_id))), ', ') as records
    from prepare.matches as m
    group by m.target, m.usercom_id
),

named as (
    select d.kind, d.id from decision as d
    union
    select p.kind, p.id from proposal as p
),

judged as (
    select
        case n.kind when 'company' then 'Account' else s.target end as target,
        n.id,
        d.id is not null as decided,
        d.same,
        e.id as found_id,
        case
            when d.unclear then 'match_decision_unknown'
            when d.records > 1 or (d.same and d.new) then 'match_decided_twice'
            when d.same and c.claims > 1 then 'match_named_twice'
            when d.same and e.id is null then 'match_not_found'
            when d.same and e.object <> case n.kind when 'company' then 'Account' else s.target end
                then 'match_of_another_object'
            when d.id is not null then null
            when p.elsewhere and s.target = 'Contact' then 'is_a_lead_in_the_org'
            when p.elsewhere then 'is_a_contact_in_the_org'
            when p.several then 'ambiguous_match'
            else 'may_be_in_the_org'
        end as problem,
        coalesce(lower(e.object) || ' ' || e.id, d.salesforce_id, p.records) as records
    from named as n
    left join decision as d
        on d.kind = n.kind and d.id = n.id
    left join claim as c
        on c.record = d.record
    left join proposal as p
        on p.kind = n.kind and p.id = n.id
    left join prepare.existing as e
        on left(e.id, 15) = d.record
    left join prepare.person as s
        on s.id = n.id and n.kind = 'person'
)

select
    j.target,
    j.id,
    coalesce(j.same, false) as same,
    case when j.problem is null and j.same then j.found_id end as salesforce_id,
    case when j.decided or $undecided_matches = 'hold' then j.problem end as reason,
    case when not j.decided and $undecided_matches = 'create' then j.problem end as flag,
    case when j.problem is not null then j.records end as records
from judged as j
where j.target is not null
