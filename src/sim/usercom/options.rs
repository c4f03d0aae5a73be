//! What an account is like: its size of pages, its limits, its bugs and what it lacks.
//!
//! In: choices of whoever starts the simulator. Out: [`UsercomSimOptions`]. Never: state.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The key of an account, unless another is chosen: 64 characters, as the real ones.
pub const DEFAULT_TOKEN: &str = "simulated0simulated0simulated0simulated0simulated0simulated0abcd";

/// First parts of the addresses under `/api/public/` that an account may lack or forbid.
pub const ENDPOINTS: [&str; 11] = [
    "users",
    "companies",
    "deals",
    "activities",
    "tags",
    "lists",
    "attributes",
    "segments",
    "products",
    "conversations",
    "exports",
];

/// An account and how it is served.
#[derive(Clone)]
pub struct UsercomSimOptions {
    /// Folder of export files that the account holds.
    pub export: PathBuf,
    /// Folder for the rows as they are served (`rows/`) and for files of bulk exports (`exports/`); both are replaced at
    /// every start.
    pub state: PathBuf,
    /// The key that requests must carry.
    pub token: String,
    /// Rows of a page.
    pub page_size: usize,
    /// What the account gets wrong.
    pub bugs: BTreeSet<Bug>,
    /// Endpoints that the account lacks, by their first part (`exports`, `segments`), and the status they answer.
    pub without: BTreeMap<String, u16>,
    /// Endpoints that the key must not use.
    pub forbidden: BTreeSet<String>,
    /// Requests per second beyond which 429 is answered.
    pub rate: Option<u32>,
    /// What 429 says about when to come back.
    pub retry_after: RetryAfter,
    /// Seconds by which the clock is ahead (or behind, below zero).
    pub date_skew: i64,
    /// Of a hundred requests, how many fail at random.
    pub fault_percent: f64,
    /// Which ones do.
    pub fault_seed: u64,
    /// File of faults that are due from the start.
    pub scenario: Option<PathBuf>,
    /// After so many pages of a list, rows of it change places; never, if none.
    pub churn: Option<u64>,
    /// What happens to rows then, in turn.
    pub churn_kinds: Vec<ChangeKind>,
    /// Milliseconds until the file of a bulk export is ready.
    pub export_delay_ms: u64,
    /// Where the file of a bulk export appears.
    pub export_place: ExportPlace,
}

impl UsercomSimOptions {
    /// An account without limits and faults, with the bugs that lose nothing.
    #[must_use]
    pub fn new(export: PathBuf, state: PathBuf) -> Self {
        Self {
            export,
            state,
            token: DEFAULT_TOKEN.to_owned(),
            page_size: 100,
            bugs: [Bug::LastNext, Bug::StringNumbers].into(),
            without: BTreeMap::new(),
            forbidden: BTreeSet::new(),
            rate: None,
            retry_after: RetryAfter::Seconds,
            date_skew: 0,
            fault_percent: 0.0,
            fault_seed: 1,
            scenario: None,
            churn: None,
            churn_kinds: vec![ChangeKind::Move],
            export_delay_ms: 0,
            export_place: ExportPlace::Media,
        }
    }
}

// The key is a secret of the account, even of a simulated one.
impl std::fmt::Debug for UsercomSimOptions {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("UsercomSimOptions")
            .field("export", &self.export)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Declares an enum whose variants have names on the command line and in JSON.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$item:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$item])* #[serde(rename = $word)] $variant,)+
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text.trim() {
                    $($word => Ok(Self::$variant),)+
                    other => Err(UnknownName {
                        what: $what,
                        name: other.to_owned(),
                        known: &[$($word),+],
                    }),
                }
            }
        }
    };
}

named! {
    /// What an account gets wrong (`guide/usercom.md` §0).
    Bug, "bug" {
        /// The last page of a list has a `next`, which answers 404.
        LastNext = "last_next",
        /// People are read without first and last name.
        MissingNames = "missing_names",
        /// Numbers of every third row are texts.
        StringNumbers = "string_numbers",
        /// The last page's `next` is the page itself.
        RepeatCursor = "repeat_cursor",
        /// `count` is one more than there are rows.
        WrongCount = "wrong_count",
        /// The version header is ignored: everything is answered as by v1.
        V1Only = "v1_only",
    }
}

named! {
    /// What 429 says about when to come back.
    RetryAfter, "kind of Retry-After" {
        /// `Retry-After: 1`.
        Seconds = "seconds",
        /// `Retry-After` with an HTTP date.
        Date = "date",
        /// Nothing.
        None = "none",
    }
}

named! {
    /// Where the file of a bulk export appears: the reference does not say.
    ExportPlace, "place of exports" {
        /// `/api/public/exports/<filename>`.
        Api = "api",
        /// `/media/exports/<filename>`.
        Media = "media",
        /// Somewhere else; the answer has its `url`.
        Url = "url",
    }
}

named! {
    /// What happens to a row while somebody pages.
    ChangeKind, "kind of change" {
        /// A row comes to the front of the list; its values stay.
        Move = "move",
        /// A row comes to the front of the list with `updated_at` now.
        Touch = "touch",
        /// A new row appears at the front of the list.
        Insert = "insert",
        /// A row is gone.
        Delete = "delete",
    }
}

/// A name that none of the known ones is.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no {what} is called `{name}`; there are {}", known.join(", "))]
pub struct UnknownName {
    what: &'static str,
    name: String,
    known: &'static [&'static str],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_refused_with_those_that_exist() {
        let error = "gone".parse::<ChangeKind>().unwrap_err().to_string();
        assert_eq!(
            error,
            "no kind of change is called `gone`; there are move, touch, insert, delete"
        );
        assert_eq!("last_next".parse::<Bug>().unwrap(), Bug::LastNext);
    }

    #[test]
    fn the_key_is_in_no_debug_output() {
        let shown = format!(
            "{:?}",
            UsercomSimOptions::new("export".into(), "state".into())
        );
        assert!(!shown.contains(DEFAULT_TOKEN));
        assert_eq!(DEFAULT_TOKEN.len(), 64);
    }
}
