-- grain: one row per attribute of a custom object, with what its definition asks of values
select
    coalesce(object.name, object.label) as object,
    field.name,
    field.label,
    field.required,
    field.choices
from usercom.custom_object_fields as field
inner join usercom.custom_objects as object
    on object.id = field.object_id
