-- grain: one row per attendee of an event: the record that attends
with addressed as (
    select
        a.*,
        v.user_id as user_by_email,
        coalesce(a.person_id, e.person_id) as resolved_person_id,
        case
            when a.person_id is not null then concat('person ', a.person_id)
            when a.agent_id is not null then concat('agent ', a.agent_id)
            when a.company_id is not null then concat('company ', a.company_id)
            else coalesce(a.email, 'nobody')
        end as named
    from prepare.attendee as a
    left join prepare.agent_user as v
        on v.email = a.email
    left join prepare.person_email as e
        on e.email = a.email
)

select
    a.event_id,
    a.named,
    coalesce(w.who_id, u.user_id, c.id, case when a.resolved_person_id is null then a.user_by_email end) as relation_id,
    case a.response when 'accepted' then 'Accepted' when 'declined' then 'Declined' else 'New' end as status,
    w.fate as person_fate,
    w.reason as person_reason
from addressed as a
left join prepare.person_link as w
    on w.person_id = a.resolved_person_id
left join prepare.agent_user as u
    on u.agent_id = a.agent_id
left join ledger.account as c
    on c.usercom_id__c = a.company_id
