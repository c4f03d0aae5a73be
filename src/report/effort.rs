//! What a run took: time, calls, and rows that were sent more than once.
//!
//! In: measurements of a run. Out: an [`Effort`] in its summary, and as sentences for people.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a run took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// Seconds from the first phase to the last.
    pub seconds: f64,
    /// Of these, while jobs were sent, processed and answered.
    pub seconds_sending: f64,
    /// Of these, while rows were read back and compared.
    pub seconds_reading: f64,
    /// Requests of this run, retries and logins included.
    pub requests: u64,
    /// Requests of everybody in the last 24 hours, and the allowance, where the org tells.
    pub org_requests: Option<(u64, u64)>,
    /// Rows that were sent again, each time counted, by the error code of the answer before.
    pub sent_again: BTreeMap<String, u64>,
}

impl Effort {
    /// Fills in the times.
    #[must_use]
    pub fn with_times(mut self, whole: Duration, sending: Duration, reading: Duration) -> Self {
        self.seconds = whole.as_secs_f64();
        self.seconds_sending = sending.as_secs_f64();
        self.seconds_reading = reading.as_secs_f64();
        self
    }

    /// Sentences for people.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let own = self.seconds - self.seconds_sending - self.seconds_reading;
        let mut sentences = vec![format!(
            "{:.0} s: {:.0} s of jobs, {:.0} s of reading back and comparing, {:.0} s of our own",
            self.seconds,
            self.seconds_sending,
            self.seconds_reading,
            own.max(0.0)
        )];
        sentences.push(match self.org_requests {
            Some((used, max)) => format!(
                "{} requests; the org has used {used} of {max} in 24 hours",
                self.requests
            ),
            None => format!("{} requests", self.requests),
        });
        if !self.sent_again.is_empty() {
            let reasons: Vec<String> = self
                .sent_again
                .iter()
                .map(|(code, rows)| format!("{rows} after {code}"))
                .collect();
            sentences.push(format!("rows sent again: {}", reasons.join(", ")));
        }
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effort_reads_like_sentences() {
        let effort = Effort {
            requests: 210,
            org_requests: Some((5_210, 100_000)),
            sent_again: BTreeMap::from([("UNABLE_TO_LOCK_ROW".to_owned(), 12)]),
            ..Effort::default()
        };
        let seconds = Duration::from_secs;
        let effort = effort.with_times(seconds(100), seconds(60), seconds(25));
        insta::assert_snapshot!(effort.sentences().join("\n"), @r"
        100 s: 60 s of jobs, 25 s of reading back and comparing, 15 s of our own
        210 requests; the org has used 5210 of 100000 in 24 hours
        rows sent again: 12 after UNABLE_TO_LOCK_ROW
        ");
    }
}
