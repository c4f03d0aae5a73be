-- grain: one row per item: the records it belongs to, or all that keeps it back
-- key: kind, id
with linked as (
    select
        item.*,
        link.contact_id,
        link.lead_id,
        link.who_id,
        link.fate as person_fate,
        company.account_id,
        company.fate as company_fate,
        deal.opportunity_id,
        deal.fate as deal_fate
    from prepare.item as item
    left join prepare.person_link as link
        on link.person_id = item.person_id
    left join prepare.company_link as company
        on company.company_id = item.company_id
    left join prepare.deal_link as deal
        on deal.deal_id = item.deal_id
)

select
    linked.kind,
    linked.id,
    linked.contact_id,
    linked.lead_id,
    linked.who_id,
    linked.account_id,
    linked.opportunity_id,
    case
        when linked.lead_id is null then coalesce(linked.opportunity_id, linked.account_id)
    end as what_id,
    case
        when linked.lead_id is null then null
        when linked.deal_id is not null then concat('deal ', linked.deal_id)
        when linked.company_id is not null then concat('company ', linked.company_id)
    end as related_to,
    coalesce(
        linked.scope_reason,
        case linked.person_fate['fate'] when 'out_of_scope' then linked.person_fate['reason'] end,
        case linked.deal_fate['fate'] when 'out_of_scope' then linked.deal_fate['reason'] end,
        case linked.company_fate['fate'] when 'out_of_scope' then linked.company_fate['reason'] end
    ) as out_of_scope_reason,
    make_array(
        case
            when not linked.in_scope
                then named_struct(
                    'fate', 'out_of_scope', 'reason', linked.scope_reason, 'parent', null
                )
        end,
        linked.person_fate,
        case
            when linked.person_id is not null
                and linked.who_id is null
                and linked.person_fate is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'person_not_in_export',
                    'parent', concat('person ', linked.person_id)
                )
        end,
        linked.deal_fate,
        case
            when linked.deal_id is not null
                and linked.opportunity_id is null
                and linked.deal_fate is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'deal_missing',
                    'parent', concat('deal ', linked.deal_id)
                )
        end,
        linked.company_fate,
        case
            when linked.company_id is not null
                and linked.account_id is null
                and linked.company_fate is null
                then named_struct(
                    'fate', 'held',
                    'reason', 'company_missing',
                    'parent', concat('company ', linked.company_id)
                )
        end
    ) as fates
from linked
