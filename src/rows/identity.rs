//! Which record an id means, whichever of its two forms it has.

use crate::salesforce::record_identity;

/// The part of an id that says which record it is.
pub type Identity = [u8; 15];

/// The identity of an id; none for what is no id.
#[must_use]
pub fn identity(id: &str) -> Option<Identity> {
    record_identity(id).as_bytes().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_an_id_mean_the_same_record() {
        let short = identity("001A00000000001");
        assert!(short.is_some());
        assert_eq!(short, identity("001A00000000001AAA"));
        assert_ne!(
            short,
            identity("001a00000000001"),
            "case tells records apart"
        );
    }

    #[test]
    fn what_is_no_id_means_no_record() {
        for text in ["", "1", "no id", "001A0000000000"] {
            assert_eq!(identity(text), None, "{text}");
        }
    }
}
