//! Queries of the program's own that are the same for every load but for its name, and for rows that are asked for.
//!
//! In: a text of `queries/internal/`, where the load is called `this_load`; what stands for other parts. Out: the query for one
//! load. Such a text is plain SQL: other tools can read and check it.

/// What a load is called in `queries/internal/`.
const THIS_LOAD: &str = "this_load";

/// A text of `queries/internal/` for one load.
#[must_use]
pub fn for_load(text: &str, load: &str) -> String {
    text.replace(THIS_LOAD, load)
}

/// A text of `queries/internal/` with parts of it instead of the words that stand for them. One after the other: a part that holds
/// values of rows comes last, so that nothing in a value is taken for a word.
#[must_use]
pub fn with_parts(text: &str, parts: &[(&str, &str)]) -> String {
    let fill = |text: String, (word, part): &(&str, &str)| text.replace(word, part);
    parts.iter().fold(text.to_owned(), fill)
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

    #[test]
    fn a_value_is_not_taken_for_a_word() {
        let text = "select l.id as id from ledger.this_load as l where l.is_asked";
        let parts = [("this_load", "lead"), ("l.is_asked", "l.key = 'this_load'")];
        let expected = "select l.id as id from ledger.lead as l where l.key = 'this_load'";
        assert_eq!(with_parts(text, &parts), expected);
    }
}
