//! Queries of the program's own that are the same for every load but for its name.
//!
//! In: a text of `queries/internal/`, where the load is called `this_load`. Out: the query for one load. Such a text is plain
//! SQL: other tools can read and check it.

/// What a load is called in `queries/internal/`.
const THIS_LOAD: &str = "this_load";

/// A text of `queries/internal/` for one load.
#[must_use]
pub fn for_load(text: &str, load: &str) -> String {
    text.replace(THIS_LOAD, load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_speaks_of_the_load_it_is_for() {
        let text = "select l.id as id from ledger.this_load as l";
        let expected = "select l.id as id from ledger.lead as l";
        assert_eq!(for_load(text, "lead"), expected);
    }
}
