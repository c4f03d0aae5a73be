//! Code tables: words that the source also writes as numbers (`guide/usercom.md` §1.7, §4).

use super::Fault;

/// A closed list of words with their numbers and synonyms.
#[derive(Debug, PartialEq)]
pub struct CodeTable {
    /// Number, as written, and its word.
    codes: &'static [(&'static str, &'static str)],
    /// Other spellings and the word they stand for.
    synonyms: &'static [(&'static str, &'static str)],
    /// Whether a word outside the list is kept (in lower case) or refused.
    open: bool,
}

/// `status` of a person.
pub static PERSON_STATUS: CodeTable = CodeTable {
    codes: &[("1", "visitor"), ("2", "user")],
    synonyms: &[],
    open: true,
};

/// `gender` of a person.
pub static GENDER: CodeTable = CodeTable {
    codes: &[("1", "unknown"), ("2", "male"), ("3", "female")],
    synonyms: &[],
    open: true,
};

/// `status` of a deal.
pub static DEAL_STATUS: CodeTable = CodeTable {
    codes: &[
        ("0", "abandoned"),
        ("1", "in progress"),
        ("2", "won"),
        ("3", "lost"),
        ("4", "archived"),
    ],
    synonyms: &[
        ("in_progress", "in progress"),
        ("in-progress", "in progress"),
    ],
    open: false,
};

/// `status` of an activity.
pub static ACTIVITY_STATUS: CodeTable = CodeTable {
    codes: &[
        ("0", "no planned"),
        ("1", "planned"),
        ("2", "recently finished"),
        ("3", "overdue"),
    ],
    synonyms: &[
        ("no_planned", "no planned"),
        ("recently_finished", "recently finished"),
    ],
    open: true,
};

/// `source` of a conversation or message: the channel.
pub static MESSAGE_SOURCE: CodeTable = CodeTable {
    codes: &[
        ("1", "chat"),
        ("2", "email"),
        ("3", "api"),
        ("4", "sms"),
        ("5", "slack"),
    ],
    synonyms: &[("e-mail", "email")],
    open: true,
};

/// `value_type` of an attribute; the numbers are those of a client library.
pub static ATTRIBUTE_TYPE: CodeTable = CodeTable {
    codes: &[
        ("1", "boolean"),
        ("2", "integer"),
        ("3", "date"),
        ("4", "string"),
        ("5", "datetime"),
        ("6", "fixed"),
        ("7", "float"),
        ("json", "json"),
    ],
    synonyms: &[
        ("bool", "boolean"),
        ("int", "integer"),
        ("text", "string"),
        ("choice", "fixed"),
        ("fixed_choice", "fixed"),
    ],
    open: false,
};

/// `content_type` of an attribute: the object it belongs to.
pub static ATTRIBUTE_OWNER: CodeTable = CodeTable {
    codes: &[],
    synonyms: &[
        ("user", "clientuser"),
        ("people", "clientuser"),
        ("contact", "clientuser"),
    ],
    open: true,
};

impl CodeTable {
    /// Every word that a number stands for.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.codes.iter().map(|(_, word)| *word)
    }

    /// The word for a number or a word, appended to nothing: a borrowed table entry, or the cell itself in lower case.
    ///
    /// # Errors
    /// [`Fault::UnknownCode`] for a number outside the table, and for a word if the list is closed.
    pub fn word(&self, cell: &str) -> Result<std::borrow::Cow<'static, str>, Fault> {
        let text = cell.trim_ascii();
        let known = self
            .codes
            .iter()
            .find(|(code, word)| *code == text || word.eq_ignore_ascii_case(text))
            .or_else(|| {
                self.synonyms
                    .iter()
                    .find(|(other, _)| other.eq_ignore_ascii_case(text))
            });
        match known {
            Some((_, word)) => Ok((*word).into()),
            None if self.open && text.bytes().any(|byte| !byte.is_ascii_digit()) => {
                Ok(text.to_lowercase().into())
            }
            None => Err(Fault::UnknownCode),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_mean_the_same() {
        for (table, cell, word) in [
            (&DEAL_STATUS, "0", "abandoned"),
            (&DEAL_STATUS, "1", "in progress"),
            (&DEAL_STATUS, "In Progress", "in progress"),
            (&DEAL_STATUS, "in_progress", "in progress"),
            (&DEAL_STATUS, " Won ", "won"),
            (&DEAL_STATUS, "3", "lost"),
            (&DEAL_STATUS, "4", "archived"),
            (&GENDER, "3", "female"),
            (&GENDER, "Male", "male"),
            (&GENDER, "Diverse", "diverse"),
            (&PERSON_STATUS, "2", "user"),
            (&PERSON_STATUS, "visitor", "visitor"),
            (&ATTRIBUTE_TYPE, "6", "fixed"),
            (&ATTRIBUTE_TYPE, "JSON", "json"),
            (&ACTIVITY_STATUS, "3", "overdue"),
            (&ACTIVITY_STATUS, "Recently_Finished", "recently finished"),
            (&MESSAGE_SOURCE, "5", "slack"),
            (&MESSAGE_SOURCE, "API", "api"),
            (&ATTRIBUTE_OWNER, "user", "clientuser"),
            (&ATTRIBUTE_OWNER, "Company", "company"),
        ] {
            assert_eq!(table.word(cell).as_deref(), Ok(word), "{cell}");
        }
    }

    #[test]
    fn what_the_table_lacks_is_refused() {
        for (table, cell) in [
            (&DEAL_STATUS, "5"),
            (&DEAL_STATUS, "open"),
            (&GENDER, "4"),
            (&PERSON_STATUS, "0"),
            (&ACTIVITY_STATUS, "4"),
            (&MESSAGE_SOURCE, "0"),
            (&ATTRIBUTE_TYPE, "8"),
            (&ATTRIBUTE_TYPE, "money"),
        ] {
            assert_eq!(table.word(cell), Err(Fault::UnknownCode), "{cell}");
        }
    }
}
