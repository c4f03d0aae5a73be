-- grain: one row per attendee of an event: the record that attends, or why there is none
with addressed as (
    select
        attendee.*,
        by_email.user_id as user_by_email,
        coalesce(attendee.person_id, person_email.person_id) as resolved_person_id,
        attendee.person_id is null and shared.email is not null as is_ambiguous,
        case
            when attendee.person_id is not null then concat('person ', attendee.person_id)
            when attendee.agent_id is not null then concat('agent ', attendee.agent_id)
            when attendee.company_id is not null then concat('company ', attendee.company_id)
            else coalesce(attendee.email, attendee.name, 'nobody')
        end as named
    from prepare.attendee as attendee
    left join prepare.agent_address as by_email
        on by_email.email = attendee.email
    left join prepare.person_email as person_email
        on person_email.email = attendee.email
    left join prepare.shared_email as shared
        on shared.email = attendee.email
),

linked as (
    select
        addressed.*,
        coalesce(
            link.who_id,
            agent_user.user_id,
            company.account_id,
            case when addressed.resolved_person_id is null then addressed.user_by_email end
        ) as relation_id,
        agent.id is not null and agent_user.user_id is null as is_without_user,
        link.fate as person_fate,
        company.fate as company_fate
    from addressed
    left join prepare.person_link as link
        on link.person_id = addressed.resolved_person_id
    left join prepare.agent_user as agent_user
        on agent_user.agent_id = addressed.agent_id
    left join usercom.agents as agent
        on agent.id = addressed.agent_id
    left join prepare.company_link as company
        on company.company_id = addressed.company_id
)

select
    linked.event_id,
    coalesce(linked.relation_id, linked.named) as relation_id,
    case linked.response
        when 'accepted' then 'Accepted'
        when 'declined' then 'Declined'
        else 'New'
    end as status,
    case
        when linked.relation_id is null
            then named_struct(
                'fate', coalesce(
                    linked.person_fate['fate'], linked.company_fate['fate'], 'held'
                ),
                'reason', coalesce(
                    linked.person_fate['reason'],
                    linked.company_fate['reason'],
                    case
                        when linked.is_ambiguous then 'ambiguous_address'
                        when linked.is_without_user then 'attendee_without_user'
                    end,
                    'attendee_not_in_export'
                ),
                'parent', linked.named
            )
    end as fate
from linked
