-- grain: one row: patterns of the titles before a name and of the suffixes behind it
-- The project's words, config/name_words.csv, come beside the known ones.
with word as (
    select
        lower(decision.kind) as kind,
        replace(trim(lower(decision.word), '.'), '.', '\.') as word
    from config.name_words as decision
    union
    select known.kind, replace(trim(lower(known.word), '.'), '.', '\.')
    from config.known_name_words as known
),

listed as (
    select
        coalesce(string_agg(word.word, '|') filter (where word.kind = 'title'), '[^\s\S]') as title,
        coalesce(
            string_agg(word.word, '|') filter (where word.kind = 'suffix'), '[^\s\S]'
        ) as suffix
    from word
)

select
    concat('(?i)^(?:(?:', listed.title, ')\.?\s+)+') as titles,
    concat('(?i)(?:(?:\s*,\s*|\s+)(?:', listed.suffix, ')\.?)+$') as suffixes,
    concat('(?i)^(?:', listed.title, '|', listed.suffix, ')\.?$') as alone
from listed
