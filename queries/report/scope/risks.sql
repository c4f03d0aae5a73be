-- grain: one row per risk that the export shows, with the rows that it concerns
with risks as (
    select
        concat('decisions are open in config/', open.file, '.csv') as risk,
        sum(open."rows") as rows,
        concat('decide before the freeze; without a decision ', max(open.without_a_decision))
            as what_to_do
    from staged.open_decisions as open
    group by open.file
    union all
    select 'rows of the export that cannot be read', sum(file.rejected_rows),
        'rejects.* names file, row and reason; mend the export'
    from staged.files as file
    union all
    select 'cells of the export that cannot be read', sum(file.rejected_cells),
        'their rows move without them; rejects.* names them'
    from staged.files as file
    union all
    select 'people without e-mail and phone', count(*),
        'they stay behind with their tasks, memberships and messages, unless migrate_passive is on'
    from usercom.people as person
    where
        coalesce(trim(person.email), '') = ''
        and coalesce(trim(person.phone_number), '') = ''
    union all
    select 'people who share an e-mail', coalesce(sum(shared.people), 0),
        'duplicate rules of the org may refuse them: merge them, or switch the rules off'
    from (
        select count(*) as people
        from usercom.people as person
        where trim(person.email) <> ''
        group by lower(trim(person.email))
        having count(*) > 1
    ) as shared
    union all
    select 'people of a company that the export lacks', count(*),
        'a Contact needs an Account: export the companies too'
    from usercom.people as person
    left anti join usercom.companies as company
        on company.id = person.company_id
    where person.company_id is not null
    union all
    select 'deals without a company', count(*), 'they become Opportunities without an Account'
    from usercom.deals as deal
    where deal.company_id is null
    union all
    select 'deals without an owner', count(*), 'they go to the fallback of config/defaults.csv'
    from usercom.deals as deal
    where deal.assigned_to_id is null and coalesce(trim(deal.assigned_to_email), '') = ''
    union all
    select 'records of owners without a user of the org', sum(queue."rows"),
        'no record is imported before each has one: add users, or fill in config/owners.csv'
    from staged.owners as queue
    left join usercom.agents as agent
        on agent.id = queue.id
    left anti join org.addresses as known
        on known.email = lower(trim(coalesce(agent.email, queue.email)))
    where (select count(*) from org.addresses as met) > 0
    union all
    select 'no automation of User.com is written down', 1,
        'its logs are kept 30 days: fill in config/automations.csv, then `transload inventory`'
    from config.automations as automation
    having count(*) filter (where automation.automation not like 'Example:%') = 0
)

select
    risks.risk,
    risks.rows,
    risks.what_to_do
from risks
where risks.rows > 0
order by risks.rows desc, risks.risk
