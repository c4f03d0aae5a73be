//! Booleans: `t`/`f` as PostgreSQL prints them, words, and digits, in any case.

use super::Fault;

/// Reads `t f true false 1 0 yes no y n` in any case.
///
/// # Errors
/// [`Fault::UnparsableBoolean`].
pub fn boolean(cell: &str) -> Result<bool, Fault> {
    let text = cell.trim_ascii();
    match text.as_bytes() {
        [b't' | b'T' | b'1' | b'y' | b'Y'] => Ok(true),
        [b'f' | b'F' | b'0' | b'n' | b'N'] => Ok(false),
        _ if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("yes") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") || text.eq_ignore_ascii_case("no") => Ok(false),
        _ => Err(Fault::UnparsableBoolean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_of_the_reference_is_read() {
        for yes in [
            "t", "T", "true", "True", "TRUE", "1", "yes", "Yes", "YES", "y", " true ",
        ] {
            assert_eq!(boolean(yes), Ok(true), "{yes}");
        }
        for no in [
            "f", "F", "false", "False", "FALSE", "0", "no", "No", "NO", "n",
        ] {
            assert_eq!(boolean(no), Ok(false), "{no}");
        }
        for bad in ["2", "tak", "on", "null", "tru", "-", "{t}"] {
            assert_eq!(boolean(bad), Err(Fault::UnparsableBoolean), "{bad}");
        }
    }
}
