//! Words that stand for nothing, for yes and for no: the settings of a project (`guide/rules.md` 34, 38).

/// What exports and spreadsheets write where there is nothing.
const NOTHING: [&str; 24] = [
    "n/a",
    "n.a.",
    "null",
    "<null>",
    "(null)",
    "\\n",
    "nil",
    "none",
    "nan",
    "undefined",
    "(blank)",
    "(empty)",
    "-",
    "--",
    "---",
    "–",
    "—",
    "#ref!",
    "#value!",
    "#name?",
    "#null!",
    "#num!",
    "#div/0!",
    "[object object]",
];

/// Yes in words that a cell of another language may hold.
const YES: [&str; 10] = [
    "tak",
    "prawda",
    "on",
    "oui",
    "vrai",
    "ja",
    "wahr",
    "sí",
    "verdadero",
    "ano",
];

/// The same for no.
const NO: [&str; 9] = [
    "nie", "fałsz", "falsz", "off", "non", "faux", "nein", "falsch", "falso",
];

/// The words of a project, compared without case and blanks around them.
#[derive(Clone, Debug)]
pub struct Words {
    nothing: Vec<String>,
    yes: Vec<String>,
    no: Vec<String>,
    /// Length of the longest word for nothing, in bytes, and which bytes one may begin with.
    longest: usize,
    begins: [bool; 256],
}

impl Default for Words {
    fn default() -> Self {
        Self::new(None, &[], &[])
    }
}

impl Words {
    /// `nothing` replaces the usual list, `yes` and `no` add to theirs.
    #[must_use]
    pub fn new(nothing: Option<&[String]>, yes: &[String], no: &[String]) -> Self {
        let lower = |word: &str| word.trim().to_lowercase();
        let with = |usual: &[&str], more: &[String]| {
            let usual = usual.iter().map(|&word| word.to_owned());
            usual.chain(more.iter().map(|word| lower(word))).collect()
        };
        let mut nothing: Vec<String> = match nothing {
            Some(words) => words.iter().map(|word| lower(word)).collect(),
            None => NOTHING.map(str::to_owned).to_vec(),
        };
        nothing.retain(|word| !word.is_empty());
        let mut begins = [false; 256];
        for word in &nothing {
            let first = word.chars().next().unwrap_or_default();
            for letter in first.to_lowercase().chain(first.to_uppercase()) {
                let mut bytes = [0; 4];
                begins[usize::from(letter.encode_utf8(&mut bytes).as_bytes()[0])] = true;
            }
        }
        Self {
            longest: nothing.iter().map(String::len).max().unwrap_or_default(),
            nothing,
            yes: with(&YES, yes),
            no: with(&NO, no),
            begins,
        }
    }

    /// Whether a text means that there is nothing.
    #[must_use]
    pub fn is_nothing(&self, text: &str) -> bool {
        // Nearly every cell ends here.
        let Some(&first) = text.as_bytes().first() else {
            return false;
        };
        if !self.begins[usize::from(first)] && !first.is_ascii_whitespace() {
            return false;
        }
        let text = text.trim();
        // Case may change the length of a letter, a little.
        if text.len() > self.longest * 2 {
            return false;
        }
        let lower = text.to_lowercase();
        self.nothing.contains(&lower)
    }

    /// Yes or no, if a text is one of the words for it.
    #[must_use]
    pub fn truth(&self, text: &str) -> Option<bool> {
        let lower = text.trim().to_lowercase();
        if self.yes.contains(&lower) {
            return Some(true);
        }
        self.no.contains(&lower).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_words_for_nothing_are_known_and_a_project_may_have_others() {
        let words = Words::default();
        for text in [
            "N/A",
            "null",
            "NULL",
            " None ",
            "\\N",
            "NaN",
            "undefined",
            "-",
            "—",
            "(blank)",
            "#REF!",
        ] {
            assert!(words.is_nothing(text), "{text}");
        }
        for text in [
            "", "NA", "no", "0", "Nonesuch", "-1", "nullable", "#N/A", "n",
        ] {
            assert!(!words.is_nothing(text), "{text}");
        }
        let own = Words::new(Some(&["Brak".to_owned(), String::new()]), &[], &[]);
        assert!(own.is_nothing("BRAK") && !own.is_nothing("N/A") && !own.is_nothing(" "));
    }

    #[test]
    fn yes_and_no_may_be_said_in_other_words() {
        let words = Words::new(None, &["Jasne".to_owned()], &["skąd".to_owned()]);
        for yes in ["tak", "PRAWDA", " on ", "jasne"] {
            assert_eq!(words.truth(yes), Some(true), "{yes}");
        }
        for no in ["Nie", "FAŁSZ", "off", "Skąd"] {
            assert_eq!(words.truth(no), Some(false), "{no}");
        }
        assert_eq!(words.truth("maybe"), None);
    }
}
