-- grain: one row per custom object of the account
select
    object.name,
    object.label,
    object.plural_label
from usercom.custom_objects as object
