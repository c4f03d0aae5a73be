-- grain: one row per segment: who is in it, and by which rule
-- Simple rules are read as sentences, others stay as JSON: conditions in a row, each an attribute,
-- what is asked of it and perhaps a value.
with members as (
    select member.segment_id, count(distinct member.person_id) as people
    from usercom.segment_members as member
    group by member.segment_id
),

worded as (
    select
        segment.id,
        regexp_replace(
            regexp_replace(
                regexp_replace(segment.criteria, '("lookup":"[a-z ]*)_', '\1 ', 'g'),
                '("lookup":"[a-z ]*)_', '\1 ', 'g'
            ),
            '\{"attribute":"([^"]*)","lookup":"([^"]*)"(,"value":"?([^"{}\[\]]*)"?)?\}',
            '<\1 \2 \4>', 'g'
        ) as text
    from usercom.segments as segment
),

simple as (
    select
        worded.id,
        regexp_match(
            worded.text, '^\{"operator":"(and|or|not)","conditions":\[<(.*)>\]\}$'
        ) as parts
    from worded
    where worded.text not like '%{"attribute"%'
),

sentences as (
    select
        simple.id,
        concat(
            case when simple.parts[1] = 'not' then 'not: ' else '' end,
            replace(
                replace(
                    simple.parts[2],
                    ' >,<',
                    case when simple.parts[1] = 'and' then ' and ' else ' or ' end
                ),
                '>,<',
                case when simple.parts[1] = 'and' then ' and ' else ' or ' end
            )
        ) as text
    from simple
    where simple.parts is not null
)

select
    segment.name,
    segment.kind,
    segment.description,
    coalesce(
        trim(replace(replace(sentences.text, ' gte ', ' at least '), ' lte ', ' at most ')),
        segment.criteria,
        'not in the export: look them up in User.com'
    ) as criteria,
    coalesce(members.people, 0) as people
from usercom.segments as segment
left join sentences
    on sentences.id = segment.id
left join members
    on members.segment_id = segment.id
order by people desc, segment.name
