//! A model's answer → verdicts about the columns that it was asked about.
//!
//! In: text from a server that nobody has to trust. Out: [`Verdict`]s that name candidates of their column only, and what was
//! dropped, with why. Whatever else the answer says (`confirmed`, a class, a target of its own) is named and has no effect.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::draft::{Draft, Question};
use super::one_line;
use super::prompt::NEW;

/// Letters of a reason, at most.
const REASON: usize = 160;

/// Letters of a foreign name in a message, at most.
const QUOTED: usize = 60;

/// What a model thinks of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Fields by place, best first, at least one; none = a new field.
    pub(super) order: Vec<Option<usize>>,
    /// Why, in its words; may be empty.
    pub(super) reason: String,
}

/// Verdicts by the place of their question.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    pub(super) by_question: BTreeMap<usize, Verdict>,
    /// What was said and dropped.
    pub(super) dropped: Vec<String>,
}

impl Verdicts {
    /// Reads one answer. An error says why nothing of it can be used.
    pub(super) fn read(
        &mut self,
        text: &str,
        asked: &std::ops::Range<usize>,
        questions: &[Question],
        drafts: &[Draft],
    ) -> Result<(), String> {
        let document = document(text).ok_or("the answer is not JSON")?;
        let Value::Object(mut document) = document else {
            return Err("the answer is no JSON object".to_owned());
        };
        let columns = document.remove("columns");
        self.note_keys(&document);
        let Some(Value::Array(columns)) = columns else {
            return Err("the answer has no list `columns`".to_owned());
        };
        for column in columns {
            let Value::Object(mut column) = column else {
                self.dropped.push("an entry that is no object".to_owned());
                continue;
            };
            let id = column.remove("id").unwrap_or_default();
            let place = asked.clone().find(|at| id == Question::id(*at));
            let Some(at) = place else {
                let id = one_line(&id.to_string(), QUOTED);
                let told = format!("an entry about {id}, which was not asked about");
                self.dropped.push(told);
                continue;
            };
            self.column(at, column, &questions[at], drafts);
        }
        Ok(())
    }

    fn column(
        &mut self,
        at: usize,
        mut entry: Map<String, Value>,
        question: &Question,
        drafts: &[Draft],
    ) {
        let name = question.name(drafts);
        let fields = match entry.remove("fields") {
            Some(Value::Array(fields)) => fields,
            _ => Vec::new(),
        };
        let reason = match entry.remove("reason") {
            // Reasons stand in a cell, parted by semicolons.
            Some(Value::String(reason)) => one_line(&reason.replace(';', ","), REASON),
            _ => String::new(),
        };
        self.note_keys(&entry);
        let targets = &drafts[question.draft].targets;
        let mut order = Vec::new();
        for field in fields {
            let said = field.as_str().unwrap_or_default().trim();
            let choice = question.choices.iter().find(|choice| match choice {
                Some(target) => targets[*target].field.eq_ignore_ascii_case(said),
                None => said == NEW,
            });
            match choice {
                Some(choice) if !order.contains(choice) => order.push(*choice),
                Some(_) => {}
                None => {
                    let said = one_line(&field.to_string(), QUOTED);
                    self.dropped
                        .push(format!("{said} for {name}: it is none of the candidates"));
                }
            }
        }
        if order.is_empty() {
            return;
        }
        if self.by_question.contains_key(&at) {
            self.dropped
                .push(format!("a second entry about {name}: the first one counts"));
            return;
        }
        self.by_question.insert(at, Verdict { order, reason });
    }

    /// Notes what nobody asked for, once per key.
    fn note_keys(&mut self, rest: &Map<String, Value>) {
        for key in rest.keys() {
            let key = one_line(key, QUOTED);
            let told = format!("`{key}`, which it was not asked for");
            if !self.dropped.contains(&told) {
                self.dropped.push(told);
            }
        }
    }
}

/// The JSON of an answer, which models like to fence or to introduce.
fn document(text: &str) -> Option<Value> {
    if let Ok(document) = serde_json::from_str(text) {
        return Some(document);
    }
    let (start, end) = (text.find('{')?, text.rfind('}')?);
    serde_json::from_str(text.get(start..=end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::super::draft::questions;
    use super::super::draft::testing::draft;
    use super::*;

    /// What an answer comes to: the first verdict's fields, what was dropped, or why nothing of it counts.
    fn read(text: &str) -> Result<(Vec<String>, Vec<String>), String> {
        let drafts = [draft(
            &[("company contact".to_owned(), String::new())],
            &["x"],
        )];
        let asked = questions(&drafts);
        let mut verdicts = Verdicts::default();
        verdicts.read(text, &(0..1), &asked, &drafts)?;
        let verdict = verdicts.by_question.get(&0);
        let order = verdict.iter().flat_map(|verdict| &verdict.order);
        let named = order.map(|choice| match choice {
            Some(at) => drafts[0].targets[*at].field.clone(),
            None => NEW.to_owned(),
        });
        Ok((named.collect(), verdicts.dropped))
    }

    #[test]
    fn json_is_found_in_fences_and_between_words() {
        let json = r#"{"columns":[{"id":"c1","fields":["(new)","company"],"reason":"x"}]}"#;
        for text in [
            json.to_owned(),
            format!("```json\n{json}\n```"),
            format!("Sure! Here it is:\n{json}\nAnything else?"),
        ] {
            let (named, dropped) = read(&text).unwrap();
            assert_eq!(named, [NEW, "Company"], "{text}");
            assert!(dropped.is_empty());
        }
    }

    #[test]
    fn what_is_no_candidate_or_was_not_asked_is_dropped_and_named() {
        let (named, dropped) = read(
            r#"{"confirmed":true,"columns":[7,
                {"id":"c2","fields":["Company"]},
                {"id":"c1","fields":["OwnerId",{"a":1},"Company","Company"],"class":"certain","status":"confirmed"},
                {"id":"c1","fields":["(new)"]}]}"#,
        )
        .unwrap();
        assert_eq!(named, ["Company"]);
        let told = dropped.join("\n");
        for words in [
            "`confirmed`, which it was not asked for",
            "`class`, which",
            "`status`, which",
            "an entry that is no object",
            "an entry about \"c2\", which was not asked about",
            "\"OwnerId\" for people.company contact → Lead: it is none of the candidates",
            "{\"a\":1} for people.company contact",
            "a second entry about people.company contact",
        ] {
            assert!(told.contains(words), "{words}\n{told}");
        }
        assert_eq!(dropped.len(), 8, "{told}");
    }

    #[test]
    fn what_is_no_answer_says_why() {
        for (text, why) in [
            ("I cannot help with that.", "not JSON"),
            ("}{", "not JSON"),
            ("[1]", "no JSON object"),
            ("{\"rows\":[]}", "no list"),
            ("{\"columns\":{}}", "no list"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
        // An entry without a field that counts is no verdict.
        assert_eq!(read(r#"{"columns":[{"id":"c1"}]}"#).unwrap().0, [""; 0]);
    }

    #[test]
    fn reasons_are_one_short_line_without_control_characters() {
        assert_eq!(one_line("a\u{1b}[2J\n b\tc", 40), "a\\u{1b}[2J b c");
        assert_eq!(
            one_line(&"x".repeat(300), REASON).chars().count(),
            REASON + 1
        );
    }
}
