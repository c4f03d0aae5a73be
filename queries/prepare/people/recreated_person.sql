-- grain: one row per person whose deleted record somebody wants again: any, or those of these ids
-- key: key
select
    decision.key,
    bool_or(coalesce(trim(decision.theirs), '') = '') as is_any,
    array_agg(left(trim(decision.theirs), 15)) as ids
from config.decisions as decision
where lower(decision.object) in ('contact', 'lead')
    and decision.decision = 'recreate'
group by decision.key
