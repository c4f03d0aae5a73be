-- grain: one row per answer to a yes-or-no question
select 'Yes' as value
union all
select 'No' as value
