-- grain: one row per deal: the Opportunity it became, or why there is none
-- key: deal_id
select
    deal.id as deal_id,
    opportunity.id as opportunity_id,
    case
        when opportunity.id is null and deal.fate['fate'] = 'out_of_scope'
            then named_struct(
                'fate', 'out_of_scope',
                'reason', case
                    when deal.fate['reason'] = 'sample' then 'sample'
                    else 'deal_out_of_scope'
                end,
                'parent', concat('deal ', deal.id)
            )
        when opportunity.id is null
            then named_struct(
                'fate', 'held',
                'reason', 'deal_missing',
                'parent', concat('deal ', deal.id)
            )
    end as fate
from prepare.deal as deal
left join ledger.opportunity as opportunity
    on opportunity.usercom_id__c = deal.id
