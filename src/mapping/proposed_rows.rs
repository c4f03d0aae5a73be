//! Proposed rows of the decision files besides the map: `lifecycle`, `stage_matrix`, `activity_types`, `countries`, `owners`.
//!
//! In: the files of a project; decisions, each about one row. Out: how each row stands, the files with the decisions. Never: a row
//! that was not proposed, a value that the file may not hold.

use std::path::Path;

use super::decisions::{allowed_words, proposed_files, value_problem};
use super::{Action, DecisionFile, MappingError, Signature};

/// A decision file in which rows are proposed.
#[derive(Debug)]
pub struct ProposedRows {
    /// The file.
    pub file: DecisionFile,
    name: &'static str,
    key: &'static [&'static str],
    column: &'static str,
}

impl ProposedRows {
    /// Those that a project has.
    ///
    /// # Errors
    /// [`MappingError`] if one cannot be read.
    pub fn of(project: &Path) -> Result<Vec<Self>, MappingError> {
        let mut files = Vec::new();
        for (name, key, column) in proposed_files() {
            if project.join(format!("config/{name}.csv")).is_file() {
                files.push(Self {
                    file: DecisionFile::open(project, name)?,
                    name,
                    key,
                    column,
                });
            }
        }
        Ok(files)
    }

    /// The file's name without folder and ending.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The value of the export that a row is about: `Sales / Won`.
    #[must_use]
    pub fn value(&self, row: usize) -> String {
        let cells = self.key.iter().map(|column| self.file.get(row, column));
        let cells: Vec<&str> = cells.filter(|cell| !cell.is_empty()).collect();
        cells.join(" / ")
    }

    /// What it becomes.
    #[must_use]
    pub fn becomes(&self, row: usize) -> &str {
        self.file.get(row, self.column)
    }

    /// What the file may say there; empty = what the org has, or anything.
    #[must_use]
    pub fn allowed(&self) -> &'static [&'static str] {
        allowed_words(self.name, self.column)
    }

    /// `open` or `confirmed`; none for a row that was not proposed.
    #[must_use]
    pub fn state(&self, row: usize) -> Option<&'static str> {
        let is_empty = |column: &str| self.file.get(row, column).is_empty();
        (!is_empty("class")).then(
            || match is_empty("confirmed_by") || is_empty("confirmed_at") {
                true => "open",
                false => "confirmed",
            },
        )
    }

    /// The rows that were proposed.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        (0..self.file.len()).filter(|row| self.state(*row).is_some())
    }

    /// Decides rows; the file is not saved. Says what cannot be decided so.
    pub fn decide(&mut self, decisions: &[(usize, Action)], signature: &Signature) -> Vec<String> {
        let mut refused = Vec::new();
        for (row, action) in decisions {
            let row = *row;
            match self.problem(row, action) {
                Some(problem) => refused.push(format!(
                    "{} `{}`: {problem}",
                    self.file.shown(),
                    self.value(row)
                )),
                None => self.put(row, action, signature),
            }
        }
        refused
    }

    fn problem(&self, row: usize, action: &Action) -> Option<String> {
        let value = match action {
            Action::Reopen => return None,
            Action::Ignore => {
                return Some(format!(
                    "cannot be ignored: every value needs its {}; take the line out of the file if it needs none",
                    self.column
                ));
            }
            Action::Confirm => self.becomes(row),
            Action::Change { target, .. } => target.trim(),
        };
        match value.is_empty() {
            true => Some(format!("has no {}", self.column)),
            false => value_problem(self.name, self.column, value),
        }
    }

    fn put(&mut self, row: usize, action: &Action, signature: &Signature) {
        if let Action::Change { target, .. } = action {
            self.file.set(row, self.column, target.trim());
        }
        let (by, at) = match action {
            Action::Reopen => ("", ""),
            _ => (signature.by.as_str(), signature.at.as_str()),
        };
        self.file.set(row, "confirmed_by", by);
        self.file.set(row, "confirmed_at", at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decided_and_what_the_file_may_not_say_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("config")).unwrap();
        let path = folder.path().join("config/lifecycle.csv");
        std::fs::write(
            &path,
            "lifecycle_stage,target,class,confirmed_by,confirmed_at,note\n\
             VIP,Contact,likely,,,ask sales\n\
             cold,Lead,guess,,,\n\
             mine,Lead,,,,\n\
             odd,,guess,,,\n",
        )
        .unwrap();
        let mut files = ProposedRows::of(folder.path()).unwrap();
        assert_eq!(files.len(), 1);
        let rows = &mut files[0];
        assert_eq!(rows.rows().collect::<Vec<_>>(), [0, 1, 3]);
        assert_eq!(
            (rows.value(0).as_str(), rows.becomes(0)),
            ("VIP", "Contact")
        );
        assert_eq!(rows.allowed(), ["Lead", "Contact", "Hold"]);
        let change = |target: &str| Action::Change {
            target: target.to_owned(),
            field_type: String::new(),
        };
        let signature = Signature {
            by: "anna".to_owned(),
            at: "2026-02-20".to_owned(),
            project: "acme".to_owned(),
        };
        let decisions = [
            (0, Action::Confirm),
            (1, change("Contct")),
            (1, Action::Ignore),
            (3, Action::Confirm),
        ];
        let refused = rows.decide(&decisions, &signature);
        assert_eq!(refused.len(), 3, "{refused:?}");
        assert!(
            refused[0].contains("`cold`") && refused[0].contains("`Contact`"),
            "{refused:?}"
        );
        assert!(refused[1].contains("cannot be ignored"), "{refused:?}");
        assert!(refused[2].contains("has no target"), "{refused:?}");
        assert_eq!(
            (rows.state(0), rows.state(1)),
            (Some("confirmed"), Some("open"))
        );
        assert!(
            rows.decide(&[(1, change("contact"))], &signature)
                .is_empty()
        );
        assert!(rows.decide(&[(0, Action::Reopen)], &signature).is_empty());
        rows.file.save().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("VIP,Contact,likely,,,ask sales\n"), "{text}");
        assert!(
            text.contains("cold,contact,guess,anna,2026-02-20,\n"),
            "{text}"
        );
    }
}
