//! What the codes in tables mean: why rows are held or left out, what is flagged, what did not fit.
//!
//! In: `reasons.csv`. Out: [`Reason`]s, for `transload docs reasons` and wherever a code is told. A test finds every code that
//! queries and code make and asks for its line.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Parts of a code that stand for a name, such as `<object>`.
const NAME: [char; 2] = ['<', '>'];

/// A code and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The code; `<object>` in it stands for a name.
    pub code: String,
    /// What has it: `held`, `flag`, `rejected cell`, …
    pub kind: String,
    /// What it means.
    pub meaning: String,
    /// What to do.
    pub remedy: String,
}

static REASONS: LazyLock<Vec<Reason>> = LazyLock::new(|| {
    let reader = csv::Reader::from_reader(include_bytes!("reasons.csv").as_slice());
    reader.into_deserialize().filter_map(Result::ok).collect()
});

/// Every code.
#[must_use]
pub fn reasons() -> &'static [Reason] {
    &REASONS
}

/// What a code means; nothing for one of a project's own queries.
#[must_use]
pub fn reason(code: &str) -> Option<&'static Reason> {
    let exact = REASONS.iter().find(|reason| reason.code == code);
    exact.or_else(|| {
        REASONS.iter().find(|reason| {
            let mut parts = reason.code.split(NAME);
            match (parts.next(), parts.next(), parts.next()) {
                (Some(start), Some(_), Some(end)) => {
                    code.len() > start.len() + end.len()
                        && code.starts_with(start)
                        && code.ends_with(end)
                }
                _ => false,
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    /// Words between quotes in queries that are no codes: names of loads, fates, values of options.
    const OTHERS: [&str; 16] = [
        "start_at",
        "expected_close_date",
        "lost_at",
        "won_at",
        "out_of_scope",
        "email_messages",
        "placeholder_account",
        "create_and_link",
        "static_list",
        "case_comments",
        "balancing_line",
        "opportunity_line_item",
        "hold_lines",
        "deal_products",
        // The end of `person_not_loaded`.
        "not_loaded",
        "usercom_id",
    ];

    /// Files whose codes are words of Rust, and what stands before a code there.
    const CODE: [(&str, &[&str]); 8] = [
        ("src/usercom/block.rs", &["=> \""]),
        ("src/usercom/cell/mod.rs", &["=> \""]),
        (
            "src/stage/altered.rs",
            &["Self::BrokenCharacter => \"", "=> \""],
        ),
        ("src/transform/route.rs", &["Err(\""]),
        ("src/transform/dead.rs", &["=> \""]),
        ("src/transform/notes.rs", &["LOADER_OWNS: &str = \""]),
        ("src/encode/fit.rs", &["note(\"", "why: \"", "Some(\""]),
        ("src/rollback/vanished.rs", &["because(\""]),
    ];

    #[test]
    fn every_code_of_queries_and_code_says_what_it_means() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut codes = BTreeSet::new();
        for folder in ["load", "prepare"] {
            for file in files(&root.join("queries").join(folder)) {
                let text = std::fs::read_to_string(file).unwrap();
                let text: String = text
                    .lines()
                    .filter(|line| !line.starts_with("--"))
                    .collect::<Vec<_>>()
                    .join("\n");
                let words = text.split('\'').skip(1).step_by(2);
                codes.extend(words.filter(|word| is_code(word)).map(str::to_owned));
            }
        }
        codes.retain(|code| !OTHERS.contains(&code.as_str()));
        assert!(codes.len() > 70, "{}", codes.len());
        for (file, before) in CODE {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            let mut found = 0;
            for before in before {
                for rest in text.split(before).skip(1) {
                    let word = rest.split('"').next().unwrap();
                    if is_code(word) {
                        codes.insert(word.to_owned());
                        found += 1;
                    }
                }
            }
            assert!(found > 0, "{file}");
        }
        let unknown: Vec<&String> = codes.iter().filter(|code| reason(code).is_none()).collect();
        assert_eq!(unknown, Vec::<&String>::new());
    }

    #[test]
    fn every_line_is_whole_and_every_code_has_one() {
        let text = include_str!("reasons.csv");
        assert_eq!(reasons().len(), text.lines().count() - 1);
        let codes: BTreeSet<&str> = reasons()
            .iter()
            .map(|reason| reason.code.as_str())
            .collect();
        assert_eq!(codes.len(), reasons().len());
        for reason in reasons() {
            let Reason {
                code,
                kind,
                meaning,
                remedy,
            } = reason;
            for part in [code, kind, meaning, remedy] {
                assert!(!part.trim().is_empty(), "{code}");
            }
        }
    }

    #[test]
    fn every_reason_to_hold_rows_is_among_them() {
        let held = include_str!("../reconcile/held_reasons.csv");
        for line in held.lines().skip(1) {
            let code = line.split(',').next().unwrap();
            let reason = reason(code).unwrap_or_else(|| panic!("{code}"));
            assert!(reason.kind.starts_with("held"), "{code}: {}", reason.kind);
        }
    }

    #[test]
    fn a_code_with_a_name_in_it_is_known() {
        assert_eq!(
            reason("co_asset_missing").unwrap().code,
            "co_<object>_missing"
        );
        assert_eq!(reason("account_missing").unwrap().code, "account_missing");
        assert_eq!(reason("lifecycle_vip").unwrap().code, "lifecycle_<stage>");
        assert_eq!(reason("of_my_own"), None);
    }

    /// Lower case with an underscore inside, as codes are and most other words are not.
    fn is_code(word: &str) -> bool {
        word.contains('_')
            && !word.starts_with('_')
            && !word.ends_with('_')
            && word
                .bytes()
                .all(|letter| letter.is_ascii_lowercase() || letter == b'_')
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(files(&path));
            } else {
                found.push(path);
            }
        }
        found
    }
}
