-- grain: one row per deal and tag on it, as its record has it
with listed as (
    select deal.id as deal_id, trim(unnest(deal.tags)) as name
    from usercom.deals as deal
)

select listed.deal_id, coalesce(tag.name, listed.name) as name
from listed
left join prepare.tag_name as tag
    on tag.number = listed.name
where listed.name <> ''
