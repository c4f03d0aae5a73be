-- grain: one row per person: its name in parts, without titles, suffixes and brackets
-- key: id
with spaced as (
    select
        person.id,
        nullif(
            trim(regexp_replace(person.first_name, '[\s\x{200b}-\x{200d}\x{feff}]+', ' ', 'g')), ''
        ) as first_name,
        nullif(
            trim(regexp_replace(person.last_name, '[\s\x{200b}-\x{200d}\x{feff}]+', ' ', 'g')), ''
        ) as last_name,
        nullif(
            trim(regexp_replace(person.name, '[\s\x{200b}-\x{200d}\x{feff}]+', ' ', 'g')), ''
        ) as name
    from mapped.people as person
),

bare as (
    select
        spaced.*,
        trim(regexp_replace(spaced.first_name, '\s*[(\[{][^)\]}]*[)\]}]?', '', 'g')) as bare_first,
        trim(regexp_replace(spaced.last_name, '\s*[(\[{][^)\]}]*[)\]}]?', '', 'g')) as bare_last,
        trim(regexp_replace(spaced.name, '\s*[(\[{][^)\]}]*[)\]}]?', '', 'g')) as bare_name,
        pattern.titles,
        pattern.suffixes,
        pattern.alone
    from spaced
    cross join prepare.name_pattern as pattern
),

stripped as (
    select
        bare.*,
        nullif(regexp_replace(bare.bare_first, bare.titles, ''), '') as given_first,
        nullif(regexp_replace(bare.bare_last, bare.suffixes, ''), '') as given_last,
        nullif(
            trim(
                regexp_replace(regexp_replace(bare.bare_name, bare.titles, ''), bare.suffixes, ''),
                ' ,'
            ),
            ''
        ) as core
    from bare
),

parted as (
    select
        stripped.*,
        case
            when regexp_like(stripped.given_last, '\p{L}')
                and not regexp_like(stripped.given_last, stripped.alone)
                then stripped.given_last
        end as own_last,
        strpos(stripped.core, ',') as comma,
        case
            when strpos(stripped.core, ',') > 0 then trim(split_part(stripped.core, ',', 1))
            else split_part(stripped.core, ' ', -1)
        end as core_last
    from stripped
),

split as (
    select
        parted.*,
        case
            when parted.comma > 0
                then trim(
                    regexp_replace(substr(parted.core, parted.comma + 1), '[\s,]+', ' ', 'g')
                )
            else trim(
                substr(
                    parted.core, 1, char_length(parted.core) - char_length(parted.core_last)
                )
            )
        end as core_first,
        case
            when regexp_like(parted.core_last, '\p{L}')
                and not regexp_like(parted.core_last, parted.alone)
                then parted.core_last
        end as named_last
    from parted
)

select
    split.id,
    coalesce(
        split.given_first,
        case
            when split.own_last is null then nullif(split.core_first, '')
            when ends_with(lower(split.core), lower(' ' || split.own_last))
                then nullif(
                    trim(
                        substr(
                            split.core, 1, char_length(split.core) - char_length(split.own_last)
                        )
                    ),
                    ''
                )
            when split.comma > 0 and lower(split.core_last) = lower(split.own_last)
                then nullif(split.core_first, '')
        end
    ) as first_name,
    coalesce(split.own_last, split.named_last) as last_name,
    salutation.salutation,
    nullif(
        trim(
            substr(
                coalesce(split.bare_last, split.bare_name),
                char_length(
                    regexp_replace(coalesce(split.bare_last, split.bare_name), split.suffixes, '')
                ) + 1
            ),
            ' ,'
        ),
        ''
    ) as suffix,
    case
        when (split.bare_name is distinct from split.name)
            or (split.bare_last is distinct from split.last_name)
            or (split.bare_first is distinct from split.first_name)
            or regexp_like(coalesce(split.bare_last, split.bare_name), split.suffixes)
            or regexp_like(coalesce(split.bare_first, split.bare_name), split.titles)
            or (split.own_last is distinct from split.given_last)
            then concat_ws(' ', coalesce(split.name, split.first_name), case
                when split.name is null then split.last_name
            end)
    end as whole,
    concat_ws(
        ';',
        case when split.own_last is null and split.named_last is not null then 'name_split' end,
        case when split.own_last is null and split.comma > 0 then 'name_last_first' end,
        case
            when regexp_like(coalesce(split.bare_last, split.bare_name), split.suffixes)
                then 'name_suffix_apart'
        end,
        case
            when regexp_like(coalesce(split.bare_first, split.bare_name), split.titles)
                then 'name_title_apart'
        end,
        case
            when (split.bare_name is distinct from split.name)
                or (split.bare_last is distinct from split.last_name)
                or (split.bare_first is distinct from split.first_name)
                then 'name_brackets_left_out'
        end
    ) as flags
from split
left join prepare.salutation as salutation
    on salutation.title
        = trim(lower(split_part(coalesce(split.bare_first, split.bare_name), ' ', 1)), '.')
    and regexp_like(coalesce(split.bare_first, split.bare_name), split.titles)
