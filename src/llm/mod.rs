//! A language model's opinion on proposals for the field map.
//!
//! In: [`Draft`]s, which are proposals that the program made by itself, and `[llm]`. Out: the same drafts with candidates in
//! another order and reasons in the model's words, and an [`LlmReport`] in which every column that was asked about counts once.
//! Beside the map lies what was said, both ways ([`TRANSCRIPT`]).
//!
//! Never: a field that is no candidate, a class that rises, a confirmation, a value of the data that is not masked, the key
//! outside of the one header that carries it. A model that fails changes nothing: the proposals stay as they were.
//!
//! ```text
//! drafts ─▶ questions ─▶ prompts (bounded) ─▶ disclosed, --yes ─▶ client ─▶ answer ─▶ verdicts ─▶ rerank ─▶ drafts
//!                            └──────────────── transcript ◀──────────┘
//! ```

mod answer;
mod client;
mod draft;
mod prompt;
mod rerank;
mod transcript;

use serde::Serialize;

use self::answer::Verdicts;
use self::client::Client;
pub use self::draft::Draft;
use self::draft::{Question, questions};
use self::prompt::{Prompt, prompts};
use self::transcript::Transcript;
use crate::config::{Config, Llm};
use crate::error::Error;
use crate::progress::Progress;
use crate::salesforce::net;

/// The file that keeps prompts and answers, relative to the project.
pub const TRANSCRIPT: &str = "config/field_map.llm.jsonl";

/// What a model was asked, and what came of it: `asked` = `agreed` + `moved` + `barred` + `unanswered`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LlmReport {
    /// Host and port.
    pub host: String,
    /// The model's name.
    pub model: String,
    /// What was sent about a column: `names`, `profiles` or `samples`.
    pub send: &'static str,
    /// Requests that the columns were cut into.
    pub requests: usize,
    /// Columns that the model was asked about.
    pub asked: usize,
    /// Columns for which it named our field first.
    pub agreed: usize,
    /// Columns that go to another field since it named that.
    pub moved: usize,
    /// Columns for which it named a field that another column has.
    pub barred: usize,
    /// Columns about which nothing usable came.
    pub unanswered: usize,
    /// What of its answers was dropped, and why.
    pub dropped: Vec<String>,
    /// Requests without a usable answer, and why.
    pub failures: Vec<String>,
    /// Where prompts and answers are kept.
    pub transcript: &'static str,
}

/// Asks the model about every draft that is not certain, and moves the drafts accordingly. None if there is nothing to ask.
///
/// # Errors
/// The key is not in the environment; what would leave the machine was disclosed and `yes` is missing; the
/// transcript cannot be written. What fails at the model's end is in the report and no error.
pub(crate) async fn consult(
    config: &Config,
    llm: &Llm,
    yes: bool,
    drafts: &mut [Draft],
    progress: &dyn Progress,
) -> Result<Option<LlmReport>, Error> {
    let questions = questions(drafts);
    if questions.is_empty() {
        return Ok(None);
    }
    let prompts = prompts(drafts, &questions, llm.send);
    let key = llm.key()?;
    let mut report = LlmReport {
        host: net::host(&llm.base_url),
        model: llm.model.clone(),
        send: llm.send.word(),
        requests: prompts.len(),
        asked: questions.len(),
        transcript: TRANSCRIPT,
        ..LlmReport::default()
    };
    progress.disclose(&prompt::disclosure(&report, &prompts));
    if !yes && !llm.is_local() {
        return Err(Error::NeedsYes {
            what: format!(
                "sending what is listed above to {} (`--no-llm` proposes without it)",
                report.host
            ),
        });
    }
    let client = Client::new(llm, key)?;
    let mut transcript = Transcript::begin(&config.project, &report)?;
    let verdicts = ask(
        &client,
        &prompts,
        &questions,
        drafts,
        &mut transcript,
        &mut report,
        progress,
    )
    .await?;
    rerank::apply(drafts, &questions, verdicts, &mut report);
    Ok(Some(report))
}

/// Asks one prompt after the other. A server that does not answer is not asked again.
async fn ask(
    client: &Client,
    prompts: &[Prompt],
    questions: &[Question],
    drafts: &[Draft],
    transcript: &mut Transcript,
    report: &mut LlmReport,
    progress: &dyn Progress,
) -> Result<Verdicts, Error> {
    let mut verdicts = Verdicts::default();
    for (at, prompt) in prompts.iter().enumerate() {
        let number = at + 1;
        progress.step(&format!(
            "asking {} about the map: request {number} of {}",
            report.model,
            prompts.len()
        ));
        transcript.prompt(number, prompt)?;
        match client.complete(prompt).await {
            Ok(text) => {
                transcript.answer(number, &text)?;
                if let Err(why) = verdicts.read(&text, &prompt.asked, questions, drafts) {
                    report.failures.push(format!("request {number}: {why}"));
                }
            }
            Err(failure) => {
                transcript.failure(number, &failure.told, failure.body.as_deref())?;
                report
                    .failures
                    .push(format!("request {number}: {}", failure.told));
                let left = prompts.len() - number;
                if !failure.is_answer && left > 0 {
                    let told = format!("{left} further request(s) were not made");
                    report.failures.push(told);
                    break;
                }
            }
        }
    }
    report.dropped.append(&mut verdicts.dropped);
    Ok(verdicts)
}

impl LlmReport {
    /// What people should know, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        const SHOWN: usize = 10;
        let mut lines = vec![format!(
            "{} at {} was asked about {} column(s): it agrees on {}, {} go to another field since, for {} its field is taken, \
             for {} the plain proposal stands; prompts and answers are in {}",
            self.model,
            self.host,
            self.asked,
            self.agreed,
            self.moved,
            self.barred,
            self.unanswered,
            self.transcript
        )];
        for (what, all) in [
            ("no usable answer", &self.failures),
            ("dropped", &self.dropped),
        ] {
            let shown = all.iter().take(SHOWN);
            lines.extend(shown.map(|line| format!("{what}: {line}")));
            if all.len() > SHOWN {
                let more = all.len() - SHOWN;
                lines.push(format!("{what}: {more} more, `--format json` has all"));
            }
        }
        lines
    }
}

/// Foreign text in one line, without control characters, and not longer than `longest`.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let joined = words.join(" ");
    let mut letters = crate::report::plain(&joined, false)
        .chars()
        .collect::<Vec<_>>();
    if letters.len() > longest {
        letters.truncate(longest);
        letters.push('…');
    }
    letters.into_iter().collect()
}
