-- grain: one row per row of the export with a proposal or a decision: its record, or why it waits
-- key: target, id
with decided as (
    select
        case lower(decision.object) when 'account' then 'company' else 'person' end as kind,
        try_cast(decision.usercom_id as bigint) as id,
        decision.salesforce_id,
        left(decision.salesforce_id, 15) as record,
        lower(decision.decision) as decision
    from config.matches as decision
    where lower(decision.object) in ('account', 'contact', 'lead') and decision.decision is not null
),

decision as (
    select
        decided.kind,
        decided.id,
        bool_or(decided.decision = 'same') as same,
        bool_or(decided.decision = 'new') as new,
        count(distinct decided.record) filter (where decided.decision = 'same') as records,
        min(decided.record) filter (where decided.decision = 'same') as record,
        min(decided.salesforce_id) filter (where decided.decision = 'same') as salesforce_id
    from decided
    where decided.id is not null
    group by decided.kind, decided.id
),

claim as (
    select decided.record, count(distinct concat(decided.kind, decided.id)) as claims
    from decided
    where decided.decision = 'same'
    group by decided.record
),

proposal as (
    select
        case proposal.target when 'Account' then 'company' else 'person' end as kind,
        proposal.usercom_id as id,
        bool_and(proposal.object <> proposal.target) as elsewhere,
        max(proposal.rows_of_the_export) > 1 or max(proposal.records_of_the_org) > 1 as several,
        array_to_string(
            array_sort(array_agg(concat(lower(proposal.object), ' ', proposal.salesforce_id))), ', '
        ) as records
    from prepare.match_proposal as proposal
    group by proposal.target, proposal.usercom_id
),

existing as (
    select address.object, address.salesforce_id
    from prepare.match_address as address
    where address.salesforce_id is not null
),

named as (
    select decision.kind, decision.id from decision
    union
    select proposal.kind, proposal.id from proposal
),

judged as (
    select
        case named.kind when 'company' then 'Account' else person.target end as target,
        named.id,
        decision.id is not null as decided,
        decision.same,
        existing.salesforce_id as found_id,
        case
            when decision.records > 1 or (decision.same and decision.new) then 'match_decided_twice'
            when decision.same and claim.claims > 1 then 'match_named_twice'
            when decision.same and person_account.account_id is not null
                then 'match_is_a_person_account'
            when decision.same and existing.salesforce_id is null then 'match_not_found'
            when decision.same
                and existing.object
                <> case named.kind when 'company' then 'Account' else person.target end
                then 'match_of_another_object'
            when decision.id is not null then null
            when proposal.elsewhere and person.target = 'Contact' then 'is_a_lead_in_the_org'
            when proposal.elsewhere then 'is_a_contact_in_the_org'
            when proposal.several then 'ambiguous_match'
            else 'may_be_in_the_org'
        end as problem,
        coalesce(
            lower(existing.object) || ' ' || existing.salesforce_id,
            decision.salesforce_id,
            proposal.records
        ) as records
    from named
    left join decision
        on decision.kind = named.kind and decision.id = named.id
    left join claim
        on claim.record = decision.record
    left join proposal
        on proposal.kind = named.kind and proposal.id = named.id
    left join existing
        on left(existing.salesforce_id, 15) = decision.record
    left join org.person_contacts as person_account
        on left(person_account.account_id, 15) = decision.record
    left join prepare.person as person
        on person.id = named.id and named.kind = 'person'
)

select
    judged.target,
    judged.id,
    coalesce(judged.same, false) as same,
    case when judged.problem is null and judged.same then judged.found_id end as salesforce_id,
    case when judged.decided or $undecided_matches = 'hold' then judged.problem end as reason,
    case
        when not judged.decided and $undecided_matches = 'create' then judged.problem
    end as flag,
    case when judged.problem is not null then judged.records end as records
from judged
where judged.target is not null
