-- grain: one row: patterns of the words in names that are no part of them
-- The project's words, config/name_words.csv, come beside the known ones.
with word as (
    select lower(decision.kind) as kind, lower(decision.word) as word
    from config.name_words as decision
    union
    select known.kind, lower(known.word)
    from config.known_name_words as known
),

-- `Ph. D.` is written with and without the blank; longer words come first, so that they win.
listed as (
    select
        word.kind,
        string_agg(
            replace(replace(trim(word.word, '.'), '.', '\.\s?'), ' ', '\s*'),
            '|' order by char_length(word.word) desc, word.word
        ) as words
    from word
    group by word.kind
),

one as (
    select
        coalesce(max(listed.words) filter (where listed.kind = 'title'), '[^\s\S]') as title,
        coalesce(max(listed.words) filter (where listed.kind = 'suffix'), '[^\s\S]') as suffix,
        coalesce(max(listed.words) filter (where listed.kind = 'particle'), '[^\s\S]') as particle,
        coalesce(max(listed.words) filter (where listed.kind = 'company'), '[^\s\S]') as company,
        coalesce(max(listed.words) filter (where listed.kind = 'nobody'), '[^\s\S]') as nobody
    from listed
)

select
    concat('(?i)^(?:(?:', one.title, ')\.?\s+)+') as titles,
    concat('(?i)(?:(?:\s*,\s*|\s+)(?:', one.suffix, ')\.?)+$') as suffixes,
    -- `Doe, Jr., John`
    concat('(?i)^([^,]*),\s*((?:', one.suffix, ')\.?)\s*,(.*)$') as suffix_inside,
    -- `Doe John, Ph.D., mgr`
    concat('(?i)(?:\s*,(?:\s*(?:', one.title, '|', one.suffix, ')\.?)+)+$') as titles_behind,
    -- `Pieter van der Berg`; in front of all others a capital letter begins a given name.
    concat(
        '^(?:((?:(?:', one.particle, ')\s+)+\S+)|.+?\s((?i:(?:(?:', one.particle, ')\s+)+)\S+))$'
    ) as particles,
    concat('(?i)^(?:', one.title, '|', one.suffix, ')\.?$') as alone,
    -- An address, nothing but words for nobody, or a company.
    concat(
        '(?i)@|^(?:(?:', one.nobody, ')[\s,]*)+$|[\s,](?:', one.company, ')\.?$'
    ) as no_name
from one
