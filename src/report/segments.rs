//! The written definition of every segment, for the admin who rebuilds them: Salesforce gets the members of today, not the
//! rule that finds them.
//!
//! In: names, criteria and counts. Out: one Markdown document. Never: a member.

use std::fmt::Write as _;

use super::{markdown, plain};

/// A segment or list as the document tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentText {
    /// `segment:5`, `list:3`.
    pub key: String,
    /// Name.
    pub name: String,
    /// Description, if there is one.
    pub description: Option<String>,
    /// Criteria as the source writes them, usually JSON.
    pub criteria: Option<String>,
    /// People in it at the time of the migration.
    pub members: u64,
}

/// The document.
#[must_use]
pub fn segments_document(run: &str, segments: &[SegmentText]) -> String {
    let mut text = format!(
        "# Segments and lists\n\nRun {run}. Salesforce has the people who were in each of them on the day of the migration. \
         Segments do not go on updating by themselves there: rebuild the ones that are still needed as reports, list views \
         or campaigns from the criteria below. Lists have no criteria: people were added to them by hand.\n"
    );
    for segment in segments {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n## {}\n\n{} · {} people\n",
            markdown(&segment.name),
            markdown(&segment.key),
            segment.members
        );
        if let Some(description) = &segment.description {
            let _ = write!(text, "\n{}\n", paragraph(description));
        }
        match &segment.criteria {
            Some(criteria) => {
                let _ = write!(text, "\n```json\n{}\n```\n", pretty(criteria));
            }
            None if segment.key.starts_with("segment:") => {
                text.push_str("\nThe export gives no criteria: look them up in User.com before it is switched off.\n");
            }
            None => {}
        }
    }
    text
}

/// JSON with its parts on lines of their own; anything else as it is.
fn pretty(criteria: &str) -> String {
    serde_json::from_str::<serde_json::Value>(criteria)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| plain(&criteria.replace("```", "'''"), true))
}

/// A description as one paragraph: no list, heading or rule.
fn paragraph(text: &str) -> String {
    let text = markdown(text.trim());
    match text.starts_with(['-', '+', '=', '~', '>']) {
        true => format!("\\{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_are_readable_and_missing_ones_are_told() {
        let segment = |key: &str, criteria: Option<&str>| SegmentText {
            key: key.to_owned(),
            name: format!("Name of {key}"),
            criteria: criteria.map(str::to_owned),
            members: 3,
            ..SegmentText::default()
        };
        let text = segments_document(
            "R1",
            &[
                segment("segment:1", Some(r#"{"all":[{"score":">50"}]}"#)),
                segment("segment:2", None),
                segment("list:1", None),
            ],
        );
        assert!(text.contains("## Name of segment:1\n\nsegment:1 · 3 people\n"));
        assert!(text.contains("\"score\": \">50\""));
        assert_eq!(text.matches("gives no criteria").count(), 1);
        let hostile = SegmentText {
            key: "segment:3".to_owned(),
            name: "VIP\n# <script>x</script>".to_owned(),
            description: Some("---\n![](http://t.example/pixel)".to_owned()),
            criteria: Some("\u{1b}[2J\n```\n<b>".to_owned()),
            members: 1,
        };
        let text = segments_document("R1", &[hostile]);
        assert!(
            text.contains("## VIP \\# &lt;script>x&lt;/script>\n"),
            "{text}"
        );
        assert!(
            text.contains("\n\\--- !\\[\\](http://t.example/pixel)\n"),
            "{text}"
        );
        assert!(
            text.contains("```json\n\\u{1b}[2J\n'''\n<b>\n```"),
            "{text}"
        );
    }
}
