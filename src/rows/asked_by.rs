//! Objects that the org answers questions about only if they name a certain field.
//!
//! In: an object's name. Out: the field by which its rows are asked for. Never: a question to the org.

/// Such objects, with the field by which we ask for rows of our own. `ContentDocumentLink` may be asked for by `LinkedEntityId`, too,
/// the record at its other end (`guide/salesforce.md` §4).
const ASKED_BY: [(&str, &str); 1] = [("ContentDocumentLink", "ContentDocumentId")];

/// The field that rows of an object are asked for by, if there is no other way.
#[must_use]
pub fn asked_by(object: &str) -> Option<&'static str> {
    let found = ASKED_BY.iter().find(|(name, _)| *name == object);
    found.map(|(_, field)| *field)
}
