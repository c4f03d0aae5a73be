-- grain: one row per feature that this migration needs, with the lowest edition that has it
with needed as (
    select 'API' as feature, 'every load' as because
    union all
    select 'Sandbox', 'the rehearsal'
    union all
    select 'Requests in 24 hours', concat('about ', cast(asked.requests as bigint), ' requests')
    from staged.needs as asked
    where asked.requests > 0
    union all
    select 'Bulk batches in 24 hours', concat('about ', cast(asked.batches as bigint), ' batches')
    from staged.needs as asked
    where asked.batches > 0
    union all
    select 'Record types', 'several pipelines'
    from usercom.deals as deal
    having count(distinct coalesce(deal.pipeline_name, cast(deal.pipeline_id as varchar))) > 1
    union all
    select 'Several currencies', 'deals in several currencies'
    from usercom.deals as deal
    having count(distinct upper(trim(deal.currency))) > 1
    union all
    select 'Territories', 'config/territories.csv'
    from config.territories as territory
    having count(*) > 0
    union all
    select 'Audit fields', 'original dates of calls, e-mails and meetings'
    from usercom.activities as activity
    having count(*) > 0
)

select
    needed.feature,
    needed.because,
    coalesce(edition.edition, 'not in config/editions.csv') as lowest_edition,
    edition.note,
    edition.read_on
from needed
left join config.editions as edition
    on lower(edition.feature) = lower(needed.feature)
order by needed.feature
