-- grain: one row per person: its name in parts, without what is no part of one
-- key: id
with written as (
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

-- `Kowalski, Jan` as a last name alone is a whole name.
spaced as (
    select
        written.id,
        written.first_name,
        case when not written.is_whole then written.last_name end as last_name,
        case when written.is_whole then written.last_name else written.name end as name
    from (
        select
            written.*,
            coalesce(
                written.first_name is null
                and written.name is null
                and strpos(written.last_name, ',') > 0,
                false
            ) as is_whole
        from written
    ) as written
),

bare as (
    select
        spaced.*,
        trim(regexp_replace(spaced.first_name, '\s*[(\[{][^)\]}]*[)\]}]?', '', 'g')) as bare_first,
        trim(regexp_replace(spaced.last_name, '\s*[(\[{][^)\]}]*[)\]}]?', '', 'g')) as bare_last,
        trim(regexp_replace(spaced.name, '\s*[(\[{][^)\]}]*[)\]}]?', '', 'g')) as bare_name
    from spaced
),

-- `Jan Kowalski - Acme`, `Doe, Jr., John`, `Kowalski Jan, mgr`
cut as (
    select
        bare.*,
        pattern.*,
        regexp_replace(bare.bare_name, '(\p{L}.*?)\s+[-–—|]\s.*$', '\1') as headed,
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(bare.bare_name, '(\p{L}.*?)\s+[-–—|]\s.*$', '\1'),
                    pattern.suffixes,
                    ''
                ),
                pattern.suffix_inside,
                '\1,\3'
            ),
            pattern.titles_behind,
            ''
        ) as plain_name
    from bare
    cross join prepare.name_pattern as pattern
),

stripped as (
    select
        cut.*,
        nullif(regexp_replace(cut.bare_first, cut.titles, ''), '') as given_first,
        nullif(regexp_replace(cut.bare_last, cut.suffixes, ''), '') as given_last,
        nullif(
            trim(
                regexp_replace(regexp_replace(cut.plain_name, cut.titles, ''), cut.suffixes, ''),
                ' ,'
            ),
            ''
        ) as core
    from cut
),

judged as (
    select
        stripped.*,
        regexp_like(stripped.core, '\p{L}')
            and not regexp_like(stripped.core, stripped.no_name) as is_name,
        case
            when not regexp_like(stripped.given_first, stripped.no_name) then stripped.given_first
        end as own_first,
        case
            when regexp_like(stripped.given_last, '\p{L}')
                and not regexp_like(stripped.given_last, stripped.alone)
                and not regexp_like(stripped.given_last, stripped.no_name)
                then stripped.given_last
        end as own_last
    from stripped
),

parted as (
    select
        judged.*,
        strpos(judged.core, ',') as comma,
        case
            when not judged.is_name then null
            when strpos(judged.core, ',') > 0 then trim(split_part(judged.core, ',', 1))
            when regexp_like(judged.core, judged.particles)
                then regexp_replace(judged.core, judged.particles, '\1\2')
            else split_part(judged.core, ' ', -1)
        end as core_last
    from judged
),

split as (
    select
        parted.*,
        case
            when not parted.is_name then null
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
        end as named_last,
        coalesce(
            parted.is_name is false
            or (parted.own_first is null and parted.given_first is not null)
            or (parted.own_last is null and parted.given_last is not null),
            false
        ) as is_nobody,
        parted.headed is distinct from parted.bare_name as has_tail,
        coalesce(
            regexp_like(parted.headed, parted.suffix_inside)
            and not regexp_like(parted.headed, parted.suffixes),
            false
        ) as has_suffix_inside,
        coalesce(
            regexp_like(parted.headed, parted.titles_behind)
            and not regexp_like(parted.headed, parted.suffixes),
            false
        ) as has_titles_behind
    from parted
),

told as (
    select
        split.*,
        split.is_nobody
            or (split.name is not null and split.own_last is null and split.named_last is null)
            as has_no_name
    from split
)

select
    told.id,
    coalesce(
        told.own_first,
        case
            when told.own_last is null then nullif(told.core_first, '')
            when ends_with(lower(told.core), lower(' ' || told.own_last))
                then nullif(
                    trim(
                        substr(
                            told.core, 1, char_length(told.core) - char_length(told.own_last)
                        )
                    ),
                    ''
                )
            when told.comma > 0 and lower(told.core_last) = lower(told.own_last)
                then nullif(told.core_first, '')
        end
    ) as first_name,
    coalesce(told.own_last, told.named_last) as last_name,
    salutation.salutation,
    case
        when told.has_suffix_inside and told.bare_last is null
            then regexp_replace(told.headed, told.suffix_inside, '\2')
        else nullif(
            trim(
                substr(
                    coalesce(told.bare_last, told.headed),
                    char_length(
                        regexp_replace(coalesce(told.bare_last, told.headed), told.suffixes, '')
                    ) + 1
                ),
                ' ,'
            ),
            ''
        )
    end as suffix,
    case
        when (told.bare_name is distinct from told.name)
            or (told.bare_last is distinct from told.last_name)
            or (told.bare_first is distinct from told.first_name)
            or told.has_no_name
            or told.has_tail
            or told.has_suffix_inside
            or told.has_titles_behind
            or regexp_like(coalesce(told.bare_last, told.headed), told.suffixes)
            or regexp_like(coalesce(told.bare_first, told.bare_name), told.titles)
            or (told.own_last is distinct from told.given_last)
            then concat_ws(' ', coalesce(told.name, told.first_name), case
                when told.name is null then told.last_name
            end)
    end as whole,
    concat_ws(
        ';',
        case when told.own_last is null and told.named_last is not null then 'name_split' end,
        case
            when told.own_last is null and told.is_name and told.comma > 0
                then 'name_last_first'
        end,
        case
            when told.has_suffix_inside
                or regexp_like(coalesce(told.bare_last, told.headed), told.suffixes)
                then 'name_suffix_apart'
        end,
        case
            when told.has_titles_behind
                or regexp_like(coalesce(told.bare_first, told.bare_name), told.titles)
                then 'name_title_apart'
        end,
        case
            when (told.bare_name is distinct from told.name)
                or (told.bare_last is distinct from told.last_name)
                or (told.bare_first is distinct from told.first_name)
                then 'name_brackets_left_out'
        end,
        case when told.has_tail then 'name_tail_left_out' end,
        case when told.has_no_name then 'name_is_no_name' end
    ) as flags
from told
left join prepare.salutation as salutation
    on salutation.title
        = trim(lower(split_part(coalesce(told.bare_first, told.bare_name), ' ', 1)), '.')
    and regexp_like(coalesce(told.bare_first, told.bare_name), told.titles)
