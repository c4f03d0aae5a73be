//! The words in which columns are declared, and the columns that many tables have.

use crate::usercom::schema::ColumnKind::{Integer, Text, Timestamp};
use crate::usercom::schema::{Alias, Column, Take, When};

pub(super) const fn alias(header: &'static str) -> Alias {
    part(header, Take::Whole)
}

pub(super) const fn part(header: &'static str, take: Take) -> Alias {
    Alias {
        header,
        take,
        when: When::Always,
    }
}

/// A part of a cell that a column takes only in files without the column `other`.
pub(super) const fn unless(header: &'static str, take: Take, other: &'static str) -> Alias {
    Alias {
        header,
        take,
        when: When::Without(other),
    }
}

pub(super) const fn when(header: &'static str, when: When) -> Alias {
    Alias {
        header,
        take: Take::Whole,
        when,
    }
}

/// `column!(kind, "name", aliases…)`: the name itself comes first, then the other names as given. `"name" = take` takes
/// a part of the cell under the name itself.
macro_rules! column {
    ($kind:expr, $name:literal = $take:expr $(, $alias:expr)* $(,)?) => {
        Column { name: $name, kind: $kind, aliases: &[part($name, $take) $(, $alias)*] }
    };
    ($kind:expr, $name:literal $(, $alias:expr)* $(,)?) => {
        Column { name: $name, kind: $kind, aliases: &[alias($name) $(, $alias)*] }
    };
}
pub(super) use column;

pub(super) const ID: Take = Take::Id;
pub(super) const EMAIL: Take = Take::Text("email");
pub(super) const NAME: Take = Take::Text("name");

/// The person that a record is about.
pub(super) const PERSON_ID: Column = column!(
    Integer,
    "person_id",
    part("person", ID),
    part("user_id", ID),
    part("user", ID),
    part("contact", ID),
    part("contact_id", ID),
    part("client", ID),
    part("client_id", ID),
);

/// The company that a record is about.
pub(super) const COMPANY_ID: Column = column!(Integer, "company_id", part("company", ID));

/// The deal that a record is about.
pub(super) const DEAL_ID: Column = column!(Integer, "deal_id", part("deal", ID));

/// The agent that a record belongs to.
pub(super) const OWNER_ID: Column = column!(
    Integer,
    "assigned_to_id",
    part("assigned_to", ID),
    part("owner", ID),
    part("assignee", ID),
    part("agent", ID),
);

/// The same, where the source gives an address.
pub(super) const OWNER_EMAIL: Column = column!(
    Text,
    "assigned_to_email",
    part("assigned_to", EMAIL),
    part("owner", EMAIL),
    part("assignee", EMAIL),
    part("agent", EMAIL),
    alias("owner_email"),
);

/// The agent who made a record.
pub(super) const CREATED_BY_ID: Column = column!(Integer, "created_by_id", part("created_by", ID));

/// The same, where the source gives an address.
pub(super) const CREATED_BY_EMAIL: Column =
    column!(Text, "created_by_email", part("created_by", EMAIL));

pub(super) const CREATED_AT: Column = column!(Timestamp, "created_at");
pub(super) const UPDATED_AT: Column = column!(Timestamp, "updated_at");
