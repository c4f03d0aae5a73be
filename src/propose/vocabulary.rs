//! Words → meanings.
//!
//! In: `synonyms.csv` (meaning, language, words) and `fields.csv` (what else a standard field is called), both compiled in,
//! and a project's own synonyms. Out: [`Meaning`]s: the bag of words that a name means, the same for `phone_no`,
//! `Telefonnummer` and `numer telefonu`. Never: a guess at the field; it only says what words mean.

use std::collections::{BTreeMap, BTreeSet};

use super::words;

/// Words that join others and mean nothing.
const JOINING: [&str; 38] = [
    "of", "the", "a", "an", "for", "in", "on", "at", "to", "and", "is", "by", "de", "du", "des",
    "la", "le", "les", "l", "d", "et", "un", "une", "der", "die", "das", "und", "von", "vom", "im",
    "fur", "na", "w", "z", "i", "do", "dla", "o",
];

/// Words in a phrase, at most.
const LONGEST: usize = 7;

/// A file of synonyms cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VocabularyError {
    /// A row is no row of synonyms.
    #[error("line {line}: {problem}")]
    BadRow {
        /// 1-based line.
        line: u64,
        /// What is wrong.
        problem: String,
    },
}

/// A phrase's entry.
#[derive(Clone, Debug)]
struct Entry {
    meaning: Vec<String>,
    language: String,
}

/// What a name means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// The words of the name as they are written, without those that mean nothing.
    pub(crate) plain: BTreeSet<String>,
    /// What they mean: each meaning is one, however many words it has.
    pub(crate) bag: BTreeSet<String>,
    /// Phrases that a synonym replaced: phrase, meaning, language.
    pub(crate) replaced: Vec<(String, String, String)>,
    /// Whether a word was only understood as a misspelt one.
    pub(crate) misspelt: bool,
}

/// All synonyms.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    phrases: BTreeMap<Vec<String>, Entry>,
    /// Words that some phrase has, for compounds and misspelt words.
    single: BTreeSet<String>,
    /// What else a standard field is called: by object and field.
    fields: BTreeMap<(String, String), Vec<Meaning>>,
}

impl Vocabulary {
    /// The vocabulary of the product.
    ///
    /// # Errors
    /// [`VocabularyError`]; tests keep the compiled-in files readable.
    pub fn built_in() -> Result<Self, VocabularyError> {
        Self::with("")
    }

    /// The same with a project's own synonyms, which replace those of the product; the text is a CSV with the header
    /// `meaning,language,words`, or empty.
    ///
    /// # Errors
    /// [`VocabularyError`] naming the line.
    pub fn with(own: &str) -> Result<Self, VocabularyError> {
        let mut vocabulary = Self {
            phrases: BTreeMap::new(),
            single: BTreeSet::new(),
            fields: BTreeMap::new(),
        };
        vocabulary.add(include_str!("synonyms.csv"), false)?;
        vocabulary.add(own, true)?;
        let rows = rows(include_str!("fields.csv"), &["object", "field", "also"])?;
        for (_, cells) in rows {
            let also = cells[2].split('|').map(|name| vocabulary.meaning(name));
            let also: Vec<Meaning> = also.collect();
            let key = (cells[0].clone(), cells[1].clone());
            vocabulary.fields.entry(key).or_default().extend(also);
        }
        Ok(vocabulary)
    }

    fn add(&mut self, text: &str, replaces: bool) -> Result<(), VocabularyError> {
        for (line, cells) in rows(text, &["meaning", "language", "words"])? {
            let meaning = words::split(&cells[0]);
            if meaning.is_empty() {
                return Err(VocabularyError::BadRow {
                    line,
                    problem: "`meaning` has no letters".to_owned(),
                });
            }
            // What a meaning is called means itself.
            for phrase in cells[2].split('|').chain([cells[0].as_str()]) {
                let phrase = words::split(phrase);
                if phrase.is_empty() {
                    continue;
                }
                self.single.extend(phrase.iter().cloned());
                let entry = Entry {
                    meaning: meaning.clone(),
                    language: cells[1].clone(),
                };
                if replaces {
                    self.phrases.insert(phrase, entry);
                } else {
                    self.phrases.entry(phrase).or_insert(entry);
                }
            }
            self.single.extend(meaning);
        }
        Ok(())
    }

    /// What a name means.
    pub(crate) fn meaning(&self, name: &str) -> Meaning {
        let mut meaning = Meaning::default();
        let mut all: Vec<String> = Vec::new();
        for word in words::split(name) {
            all.extend(self.known(word, &mut meaning.misspelt));
        }
        let mut at = 0;
        while at < all.len() {
            let longest = (1..=LONGEST.min(all.len() - at)).rev();
            let found = longest
                .filter_map(|length| {
                    let phrase = &all[at..at + length];
                    self.phrases.get(phrase).map(|entry| (length, entry))
                })
                .next();
            let Some((length, entry)) = found else {
                let word = ordinal(&all[at]);
                let entry = self.phrases.get(&[word.to_owned()][..]);
                let means = entry.map(|entry| entry.meaning.join(" "));
                if !word.is_empty() && !JOINING.contains(&word) {
                    meaning.bag.insert(means.unwrap_or_else(|| word.to_owned()));
                }
                at += 1;
                continue;
            };
            let phrase = all[at..at + length].join(" ");
            let means = entry.meaning.join(" ");
            if phrase != means {
                let language = entry.language.clone();
                meaning.replaced.push((phrase, means.clone(), language));
            }
            meaning.bag.insert(means);
            at += length;
        }
        meaning.plain = all
            .iter()
            .map(|word| ordinal(word).to_owned())
            .filter(|word| !word.is_empty() && !JOINING.contains(&word.as_str()))
            .collect();
        meaning
    }

    /// What else a standard field is called.
    pub(crate) fn also(&self, object: &str, field: &str) -> impl Iterator<Item = &Meaning> {
        let of = |object: &str| self.fields.get(&(object.to_owned(), field.to_owned()));
        of(object).into_iter().chain(of("*")).flatten()
    }

    /// A word as the vocabulary writes it: itself, its parts if it is a compound, or the word that it is a slip of.
    fn known(&self, word: String, misspelt: &mut bool) -> Vec<String> {
        if self.single.contains(&word) || word.len() < 4 {
            return vec![word];
        }
        // Umlauts may be written out.
        let short = word
            .replace("ae", "a")
            .replace("oe", "o")
            .replace("ue", "u");
        if self.single.contains(&short) {
            return vec![short];
        }
        if let Some(parts) = self.parts(&word).or_else(|| self.parts(&short)) {
            return parts;
        }
        if word.len() >= 5 {
            let first = word.as_bytes()[0];
            let slip = self.single.iter().find(|known| {
                known.len() >= 5
                    && known.as_bytes()[0] == first
                    && known.len().abs_diff(word.len()) <= 1
                    && strsim::osa_distance(known, &word) == 1
            });
            if let Some(slip) = slip {
                *misspelt = true;
                return vec![slip.clone()];
            }
        }
        vec![word]
    }

    /// The fewest known words that make up a compound, such as `firmen` `name` or `first` `name`.
    fn parts(&self, word: &str) -> Option<Vec<String>> {
        // Best split of each beginning of the word.
        let mut best: Vec<Option<Vec<String>>> = vec![None; word.len() + 1];
        best[0] = Some(Vec::new());
        for end in 1..=word.len() {
            for start in 0..end {
                let Some(before) = &best[start] else {
                    continue;
                };
                let part = &word[start..end];
                // German compounds may have a letter between their parts.
                let bare = match before.is_empty() {
                    true => part,
                    false => ["s", "es", "n"]
                        .iter()
                        .find_map(|link| part.strip_prefix(link))
                        .filter(|_| !self.single.contains(part))
                        .unwrap_or(part),
                };
                let is_part = self.single.contains(bare)
                    && (bare.len() >= 3 || matches!(bare, "of" | "id" | "no" | "by" | "at" | "on"));
                let shorter = best[end]
                    .as_ref()
                    .is_none_or(|known| known.len() > before.len() + 1);
                if is_part && shorter {
                    let mut parts = before.clone();
                    parts.push(bare.to_owned());
                    best[end] = Some(parts);
                }
            }
        }
        best.pop().flatten().filter(|parts| parts.len() <= 4)
    }
}

/// `2` → `second`; the first of several is the one that is meant.
fn ordinal(word: &str) -> &str {
    match word {
        "1" => "",
        "2" => "second",
        "3" => "third",
        word => word,
    }
}

/// Rows of a CSV with this header, with their lines.
fn rows(text: &str, header: &[&str; 3]) -> Result<Vec<(u64, [String; 3])>, VocabularyError> {
    let bad = |line: u64, problem: String| VocabularyError::BadRow { line, problem };
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let first = text.lines().next().unwrap_or_default();
    let sign = match (first.contains(','), first.contains(';')) {
        (false, true) => b';',
        _ => b',',
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .delimiter(sign)
        .from_reader(text.as_bytes());
    let found: Vec<String> = match reader.headers() {
        Ok(found) => found.iter().map(str::to_lowercase).collect(),
        Err(error) => return Err(bad(1, error.to_string())),
    };
    let mut places = [0; 3];
    for (place, name) in places.iter_mut().zip(header) {
        let found = found.iter().position(|column| column == name);
        *place = found.ok_or_else(|| {
            let problem = format!("has no column `{name}`; the header is {}", header.join(","));
            bad(1, problem)
        })?;
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            bad(line, error.to_string())
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        rows.push((line, places.map(|at| record[at].to_owned())));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bag(name: &str) -> String {
        let meaning = Vocabulary::built_in().unwrap().meaning(name);
        meaning.bag.into_iter().collect::<Vec<_>>().join(" + ")
    }

    #[test]
    fn names_of_one_meaning_are_one_bag() {
        for (bag_of, names) in [
            (
                "phone",
                &[
                    "telephone1",
                    "Telefonnummer",
                    "numer telefonu",
                    "N° de téléphone",
                    "phoneNo",
                ][..],
            ),
            (
                "first name",
                &["firstname", "imię", "Vorname", "prénom", "GIVEN_NAME"],
            ),
            (
                "postal code",
                &["zip", "PLZ", "kod pocztowy", "code_postal"],
            ),
            (
                "number employees",
                &[
                    "numberofemployees",
                    "liczba pracowników",
                    "Mitarbeiterzahl",
                    "effectif",
                ],
            ),
            ("address + billing", &["Rechnungsadresse", "billingAddress"]),
            ("street second", &["address_line_2", "addressLine2"]),
        ] {
            for name in names {
                assert_eq!(bag(name), bag_of, "{name}");
            }
        }
    }

    #[test]
    fn a_slip_is_understood_and_told() {
        let vocabulary = Vocabulary::built_in().unwrap();
        let slip = vocabulary.meaning("compnay");
        assert!(slip.misspelt && slip.bag.contains("company"), "{slip:?}");
        assert!(!vocabulary.meaning("company").misspelt);
    }

    #[test]
    fn a_phrase_means_one_thing() {
        let mut seen: BTreeMap<Vec<String>, String> = BTreeMap::new();
        for (line, cells) in rows(
            include_str!("synonyms.csv"),
            &["meaning", "language", "words"],
        )
        .unwrap()
        {
            for phrase in cells[2].split('|').map(words::split) {
                let before = seen.insert(phrase.clone(), cells[0].clone());
                let same = before.as_ref().is_none_or(|meaning| *meaning == cells[0]);
                assert!(same, "line {line}: {phrase:?} means {before:?} already");
            }
        }
    }

    #[test]
    fn a_projects_own_synonyms_come_first_and_mistakes_name_the_line() {
        let own = Vocabulary::with("\u{feff}meaning;language;words\nindustry;pl;bran\n").unwrap();
        assert!(own.meaning("bran").bag.contains("industry"));
        let told = |text: &str| Vocabulary::with(text).unwrap_err().to_string();
        assert_eq!(
            told("meaning,words\na,b\n"),
            "line 1: has no column `language`; the header is meaning,language,words"
        );
        assert!(told("meaning,language,words\na,en\n").starts_with("line 2: "));
        assert!(told("meaning,language,words\n-,en,x\n").starts_with("line 2: "));
    }
}
