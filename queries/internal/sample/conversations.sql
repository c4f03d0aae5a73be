-- grain: one row per conversation that comes with the sample
-- One that names no person is that of its messages.
select conversation.id
from usercom.conversations as conversation
left join usercom.messages as message
    on message.conversation_id = conversation.id and conversation.person_id is null
inner join sample.people as person
    on person.id = coalesce(conversation.person_id, message.person_id)
group by conversation.id
