//! `transload explain`: one record's whole story, for a terminal of 80 columns or as JSON.
//!
//! In: an id, a key, an address. Out: where the record stands in the export, what was made of it, why it moved or did not, its
//! records and what hangs on them; with `--now` what the org shows of them. Never: anything written.

use serde_json::Value;

use super::{Format, Outcome, ProjectArgs, Target, output};
use crate::error::Error;
use crate::load::remedy;
use crate::migration::{
    Child, Decision, Difference, ExplainRequest, ExplainedRow, LoadStory, Migration, RecordNow,
    Story,
};
use crate::report::reason;
use crate::rows::BETWEEN_REASONS;

/// Characters of a value that are shown.
const VALUE: usize = 200;

/// Arguments of `transload explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Source table or load, such as people, deals or task; without it the id is looked for everywhere. Then the id: a source id,
    /// a key, an e-mail address, or the id of a record in Salesforce
    #[arg(value_name = "[OBJECT] ID", num_args = 1..=2, required = true, add = super::complete::records())]
    what: Vec<String>,
    /// Ask the org what the records look like at this moment
    #[arg(long)]
    now: bool,
    /// Report on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: ExplainArgs) -> Result<Outcome, Error> {
    let mut words = args.what.into_iter().rev();
    let request = ExplainRequest {
        id: words.next().unwrap_or_default(),
        source: words.next(),
        target: args.target.target,
        now: args.now,
    };
    let migration = Migration::open(&super::config(&args.project)?)?;
    let story = migration.explain(&request).await?;
    match args.format {
        Format::Json => {
            let document = serde_json::to_value(&story).map_err(|error| Error::Defect {
                what: format!("a story is no JSON: {error}"),
            })?;
            output::data(&format!("{document}\n"))?;
        }
        Format::Table => {
            if let Some(note) = &story.note {
                output::note(note);
            }
            output::data(&text(&story))?;
        }
    }
    Ok(Outcome::Fine)
}

/// The story in lines of at most 80 columns.
fn text(story: &Story) -> String {
    let mut page = Page::default();
    page.line(0, &format!("{} {}", story.source, story.id));
    page.export(story);
    page.cells(
        "as staged",
        story.staged.iter().map(|cell| (&cell.column, &cell.value)),
    );
    page.head("what did not fit", !story.rejected.is_empty());
    for row in &story.rejected {
        let column = of(row, "column").unwrap_or_else(|| "the whole row".to_owned());
        let code = of(row, "reason").unwrap_or_default();
        let place = [of(row, "file"), of(row, "row")].map(Option::unwrap_or_default);
        page.line(
            2,
            &format!("{column}: {code} ({} record {})", place[0], place[1]),
        );
        page.line(4, &quoted(row, "value"));
        page.meaning(4, &code);
    }
    page.head("read as something else", !story.altered.is_empty());
    for row in &story.altered {
        let column = of(row, "column").unwrap_or_default();
        let code = of(row, "reason").unwrap_or_default();
        page.line(
            2,
            &format!("{column}: {code}, {}", of(row, "done").unwrap_or_default()),
        );
        page.line(4, &quoted(row, "value"));
    }
    page.decisions(&story.decisions);
    page.head("what became of it", true);
    if story.loads.is_empty() {
        page.line(
            2,
            match (story.has_run, story.named_by.is_empty()) {
                (false, _) => "no run so far has made a row of anything; `transload run` does",
                (true, false) => "it becomes no record of its own; rows of the export name it",
                (true, true) => "no load has made a row of it, and no row of the export names it",
            },
        );
    }
    for named in &story.named_by {
        let example = named.example.as_ref();
        let example = example
            .map(|id| format!(", such as {id}"))
            .unwrap_or_default();
        page.line(
            4,
            &format!(
                "{}.{}: {} row(s){example}",
                named.source, named.column, named.rows
            ),
        );
    }
    for load in &story.loads {
        page.load(load);
    }
    let has_record = story.loads.iter().any(|load| load.record.is_some());
    if story.embedded && has_record {
        page.line(
            2,
            "nobody can open these records: their org is a simulator within this program",
        );
    }
    if has_record && story.loads.iter().all(|load| load.now.is_none()) {
        page.line(2, "`--now` asks the org what they look like at this moment");
    }
    page.children(&story.children);
    page.text
}

/// Lines, each cut at words.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn head(&mut self, text: &str, shown: bool) {
        if shown {
            self.text.push('\n');
            self.line(0, text);
        }
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.text.push_str(&output::wrapped(indent, text));
    }

    fn export(&mut self, story: &Story) {
        if story.source.is_empty() {
            return;
        }
        self.head("in the export", true);
        for version in &story.versions {
            let place = &version.place;
            let older = match version.counts {
                true => "",
                false => ": an older version, superseded",
            };
            self.line(
                2,
                &format!(
                    "{}, line {} (record {}){older}",
                    place.file, place.line, place.row
                ),
            );
        }
        match (&story.export_unread, story.versions.as_slice()) {
            (Some(why), _) => self.line(2, &format!("not looked into: {why}")),
            (None, []) if story.named_by.is_empty() => self.line(2, "not there any more"),
            (None, []) => self.line(2, "the export has no row of it"),
            _ => {}
        }
    }

    fn cells<'a>(&mut self, title: &str, cells: impl Iterator<Item = (&'a String, &'a Value)>) {
        let cells: Vec<_> = cells.collect();
        self.head(title, !cells.is_empty());
        for (name, value) in cells {
            self.line(2, &format!("{name}: {}", shown(value)));
        }
    }

    fn decisions(&mut self, decisions: &[Decision]) {
        self.head("what was decided", !decisions.is_empty());
        for decision in decisions {
            let (what, says) = (&decision.what, &decision.says);
            self.line(2, &format!("{what}: {says} ({})", decision.decided_in));
        }
    }

    fn load(&mut self, load: &LoadStory) {
        let waits = load.waits_for.as_ref();
        let waits = waits
            .map(|parent| format!(" ({parent})"))
            .unwrap_or_default();
        let reason = load.reason.as_ref();
        let why = reason.map(|code| format!(", {code}")).unwrap_or_default();
        self.line(
            2,
            &format!(
                "{} → {}, key {}: {}{why}{waits}",
                load.load, load.object, load.key, load.fate
            ),
        );
        if let Some(code) = reason {
            self.meaning(4, code);
        }
        if let Some(record) = &load.record {
            self.record(load, record);
        }
        if load.attempts.len() > 1 {
            self.line(4, &format!("{} attempts", load.attempts.len()));
            for attempt in &load.attempts {
                self.line(6, &attempt_line(attempt));
            }
        }
        for flag in &load.flags {
            self.line(4, &format!("flag {flag}"));
            self.meaning(6, flag);
        }
        for row in &load.altered {
            let part = |name| of(row, name).unwrap_or_default();
            self.line(
                4,
                &format!("{} was {}: {}", part("field"), part("done"), part("why")),
            );
            self.line(6, &quoted(row, "original"));
        }
        for row in &load.differences {
            let what = of(row, "what").unwrap_or_default();
            let mut line = format!("{what}:");
            for (name, value) in row.iter().filter(|(name, _)| *name != "what") {
                line.push_str(&format!(" {name} {};", shown(value)));
            }
            self.line(4, line.trim_end_matches(';'));
        }
        if load.differences.is_empty() && load.record.is_some() {
            self.line(4, "no differences at the last look");
        }
        if let Some(now) = &load.now {
            self.now(now);
        }
    }

    fn now(&mut self, now: &RecordNow) {
        if !now.is_there {
            self.line(4, "now: the org does not have it");
            return;
        }
        self.line(4, "now, in the org");
        for cell in &now.values {
            self.line(6, &format!("{}: {}", cell.column, shown(&cell.value)));
        }
        for Difference { field, sent, found } in &now.differences {
            let found = found.as_deref().map_or("nothing".to_owned(), quoted_text);
            self.line(
                4,
                &format!("now: {field} is {found}, sent was {}", quoted_text(sent)),
            );
        }
        if now.differences.is_empty() {
            self.line(4, "now: all as it was sent");
        }
    }

    fn record(&mut self, load: &LoadStory, record: &ExplainedRow) {
        let id = of(record, "id").unwrap_or_else(|| "none so far".to_owned());
        let live = of(record, "live").unwrap_or_default();
        self.line(4, &format!("record {id} {live}"));
        if let Some(link) = &load.link {
            self.line(6, link);
        }
        self.line(6, &attempt_line(record));
        if let Some(error) = of(record, "error").filter(|error| !error.is_empty()) {
            self.line(6, &format!("error: {error}"));
        }
        let outcome = of(record, "outcome").unwrap_or_default();
        let failed = ["failed", "unprocessed"].contains(&outcome.as_str());
        if let Some(code) = of(record, "error_code").filter(|_| failed) {
            self.line(6, &format!("{code}: {}", remedy(&code)));
        }
    }

    fn children(&mut self, children: &[Child]) {
        self.head("what hangs on it", !children.is_empty());
        for child in children {
            let through = child.through.as_ref();
            let through = through
                .map(|field| format!(" by {field}"))
                .unwrap_or_default();
            let reason = child.reason.as_ref();
            let reason = reason.map(|code| format!(", {code}")).unwrap_or_default();
            self.line(
                2,
                &format!(
                    "{} {} of {}{through}: {}{reason}; one is {}",
                    output::number(child.rows),
                    child.object,
                    child.load,
                    child.fate,
                    child.example
                ),
            );
        }
    }

    fn meaning(&mut self, indent: usize, code: &str) {
        // A row tells all its reasons at once; `Email invalid_email` is a field whose value a policy rejects.
        for code in code.split(BETWEEN_REASONS) {
            let known = reason(code).or_else(|| reason(code.rsplit(' ').next()?));
            if let Some(known) = known {
                let text = format!("{}; what to do: {}", known.meaning, known.remedy);
                self.line(indent, &text);
            }
        }
    }
}

fn attempt_line(row: &ExplainedRow) -> String {
    let part = |name: &str, before: &str| {
        of(row, name)
            .map(|text| format!("{before}{text}"))
            .unwrap_or_default()
    };
    [
        part("outcome", ""),
        part("operation", "by "),
        part("job_id", "in job "),
        part("attempt", "attempt "),
        part("run_id", "of run "),
        part("at", "at "),
        part("error_code", ""),
    ]
    .join(" ")
}

fn quoted_text(text: &str) -> String {
    shown(&Value::from(text))
}

fn quoted(row: &ExplainedRow, column: &str) -> String {
    row.get(column).map(shown).unwrap_or_default()
}

/// A value in one line, cut where it is long.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => crate::report::plain(text, false),
        value => value.to_string(),
    };
    match text.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn of(row: &ExplainedRow, column: &str) -> Option<String> {
    match row.get(column)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    }
}
