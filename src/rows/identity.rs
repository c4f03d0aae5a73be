//! Which record an id means, whichever of its two forms it has.

use std::collections::HashMap;

use crate::salesforce::record_identity;

/// The part of an id that says which record it is.
pub type Identity = [u8; 15];

/// Records by what became of them: `deleted`, `merged` or `converted`.
pub type Dead = HashMap<Identity, &'static str>;

/// The identity of an id; none for what is no id.
#[must_use]
pub fn identity(id: &str) -> Option<Identity> {
    record_identity(id).as_bytes().try_into().ok()
}
