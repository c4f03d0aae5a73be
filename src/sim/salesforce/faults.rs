//! Faults on demand: what goes wrong, on which request, how often.
//!
//! In: [`Fault`]s, posted to `/control/faults`. Out: for each request the first fault that matches and is still due. A
//! fault matches by method and by path (`*` stands for any characters); it lets `skip` matching requests pass, then
//! strikes `times` times and is gone.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::edit::Edit;
use super::lock::lock;

/// When a connection is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Drop {
    /// Without carrying out the request.
    Before,
    /// After carrying it out, without an answer.
    After,
}

/// One fault. Without any effect set, the request just passes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Method; none = any.
    #[serde(default)]
    pub(crate) method: Option<String>,
    /// Path without query, `*` for any characters.
    pub(crate) path: String,
    /// Matching requests to let pass first.
    #[serde(default)]
    pub(crate) skip: u64,
    /// How often to strike.
    #[serde(default = "once")]
    pub(crate) times: u64,
    /// Wait before anything else, in milliseconds.
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// Carry the request out, then wait before answering, in milliseconds.
    #[serde(default)]
    pub(crate) answer_delay_ms: u64,
    /// Answer with this status instead of carrying the request out.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    /// Headers of that answer, such as `Retry-After`.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Body of that answer.
    #[serde(default)]
    pub(crate) body: String,
    /// Drop the connection.
    #[serde(default)]
    pub(crate) drop: Option<Drop>,
    /// Cut the answer's body after this many bytes and drop the connection.
    #[serde(default)]
    pub(crate) truncate: Option<u64>,
    /// End the session of the request first.
    #[serde(default)]
    pub(crate) expire: bool,
    /// A user edits a row before anything else.
    #[serde(default)]
    pub(crate) edit: Option<Edit>,
}

fn once() -> u64 {
    1
}

/// The faults that are due.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Adds a fault behind those already due.
    pub(crate) fn add(&self, fault: Fault) {
        lock(&self.0).push(fault);
    }

    /// Takes all faults away.
    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// Faults still due.
    pub(crate) fn due(&self) -> Vec<Fault> {
        lock(&self.0).clone()
    }

    /// The fault that strikes this request.
    pub(crate) fn strike(&self, method: &str, path: &str) -> Option<Fault> {
        let mut faults = lock(&self.0);
        let mut struck = None;
        for fault in faults.iter_mut() {
            let method_fits = fault
                .method
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
            if !method_fits || !matches(&fault.path, path) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if fault.times > 0 {
                fault.times -= 1;
                struck = Some(fault.clone());
                break;
            }
        }
        faults.retain(|fault| fault.times > 0);
        struck
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((head, rest)) => path.strip_prefix(head).is_some_and(|left| {
            left.char_indices()
                .map(|(at, _)| at)
                .chain([left.len()])
                .any(|at| matches(rest, &left[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(path: &str, skip: u64, times: u64) -> Fault {
        serde_json::from_value(serde_json::json!({"path": path, "skip": skip, "times": times}))
            .unwrap()
    }

    #[test]
    fn fault_skips_strikes_and_is_gone() {
        let faults = Faults::default();
        faults.add(fault("/services/data/*/jobs/ingest/*/batches", 1, 2));
        let path = "/services/data/v66.0/jobs/ingest/750/batches";
        let struck: Vec<bool> = (0..4)
            .map(|_| faults.strike("PUT", path).is_some())
            .collect();
        assert_eq!(struck, [false, true, true, false]);
        assert!(faults.due().is_empty());
    }

    #[test]
    fn other_paths_and_methods_pass() {
        let faults = Faults::default();
        let mut only_get = fault("*", 0, 1);
        only_get.method = Some("GET".to_owned());
        faults.add(only_get);
        assert!(faults.strike("POST", "/x").is_none());
        assert!(faults.strike("get", "/x").is_some());
        assert!(!matches("/a/*/b", "/a/b"));
    }
}
