-- grain: one row per record of a custom object: its owner
-- A project whose export has custom objects gets this query written anew for them, with staging.
select
    'custom objects' as named_by,
    '' as owner_key,
    cast(null as bigint) as owner_id,
    cast(null as varchar) as owner_email
where false
