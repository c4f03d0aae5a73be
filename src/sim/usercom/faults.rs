//! What goes wrong: faults on demand, and at random.
//!
//! In: [`Fault`]s from a file or from `POST /control/faults`, a percentage and a seed. Out: for each request the fault that
//! strikes it. A fault on demand matches by method and path (`*` stands for any characters), lets `skip` requests pass,
//! strikes `times` times and is gone. Never: strikes control requests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use super::error::UsercomSimError;
use super::lock::lock;

/// One fault. With several effects, it waits first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    /// Method; any, if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<String>,
    /// Path without query, `*` for any characters; any path, if none.
    #[serde(default = "any")]
    pub(super) path: String,
    /// Matching requests to let pass first.
    #[serde(default)]
    pub(super) skip: u64,
    /// How often to strike.
    #[serde(default = "once")]
    pub(super) times: u64,
    /// Wait before answering, in milliseconds.
    #[serde(default)]
    pub(super) delay_ms: u64,
    /// Answer with this status instead of what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// Headers of that answer, such as `Retry-After`.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// Body of that answer; JSON with a `detail` if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    /// Answer with the page of a proxy, with `status` or 200.
    #[serde(default)]
    pub(super) proxy: bool,
    /// Reset the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reset: Option<Reset>,
    /// Cut the body after so many bytes, and call that all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) truncate: Option<usize>,
}

/// When a connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reset {
    /// Before anything is answered.
    Before,
    /// In the middle of the body.
    Middle,
}

fn any() -> String {
    "*".to_owned()
}

fn once() -> u64 {
    1
}

impl Fault {
    /// What it does, in a word.
    pub(super) fn name(&self) -> String {
        match (self.reset, self.truncate, self.proxy, self.status) {
            (Some(Reset::Before), ..) => "reset_before".to_owned(),
            (Some(Reset::Middle), ..) => "reset_middle".to_owned(),
            (_, Some(_), ..) => "truncate".to_owned(),
            (_, _, true, _) => "proxy".to_owned(),
            (_, _, _, Some(status)) => status.to_string(),
            _ => "slow".to_owned(),
        }
    }
}

/// The faults that are due.
pub(super) struct Faults {
    due: Mutex<Vec<Fault>>,
    chance: Mutex<Chance>,
}

struct Chance {
    percent: f64,
    random: ChaCha8Rng,
}

impl Faults {
    /// Those of a file, if there is one, and a chance of others.
    pub(super) fn open(
        file: Option<&Path>,
        percent: f64,
        seed: u64,
    ) -> Result<Self, UsercomSimError> {
        let due = match file {
            None => Vec::new(),
            Some(path) => {
                let text = std::fs::read(path).map_err(|source| UsercomSimError::ReadScenario {
                    path: path.to_owned(),
                    source,
                })?;
                serde_json::from_slice(&text).map_err(|source| UsercomSimError::Scenario {
                    path: path.to_owned(),
                    source,
                })?
            }
        };
        let random = ChaCha8Rng::seed_from_u64(seed);
        Ok(Self {
            due: Mutex::new(due),
            chance: Mutex::new(Chance { percent, random }),
        })
    }

    /// Adds faults behind those already due.
    pub(super) fn add(&self, faults: Vec<Fault>) {
        lock(&self.due).extend(faults);
    }

    /// Takes all faults on demand away.
    pub(super) fn clear(&self) {
        lock(&self.due).clear();
    }

    /// Faults still due.
    pub(super) fn due(&self) -> Vec<Fault> {
        lock(&self.due).clone()
    }

    /// Changes the share of requests that fail at random.
    pub(super) fn set_percent(&self, percent: f64) {
        lock(&self.chance).percent = percent;
    }

    /// The fault that strikes a request.
    pub(super) fn strike(&self, method: &str, path: &str) -> Option<Fault> {
        self.on_demand(method, path).or_else(|| self.at_random())
    }

    fn on_demand(&self, method: &str, path: &str) -> Option<Fault> {
        let mut due = lock(&self.due);
        let mut struck = None;
        for fault in due.iter_mut() {
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
        due.retain(|fault| fault.times > 0);
        struck
    }

    fn at_random(&self) -> Option<Fault> {
        let mut chance = lock(&self.chance);
        if chance.percent <= 0.0 || chance.random.random_range(0.0..100.0) >= chance.percent {
            return None;
        }
        let fault = Fault::default();
        Some(match chance.random.random_range(0..8_u8) {
            0 => Fault {
                status: Some(429),
                headers: [("Retry-After".to_owned(), "1".to_owned())].into(),
                ..fault
            },
            1 => Fault {
                status: Some(500),
                ..fault
            },
            2 => Fault {
                status: Some(502),
                proxy: true,
                ..fault
            },
            3 => Fault {
                status: Some(503),
                ..fault
            },
            4 => Fault {
                reset: Some(Reset::Before),
                ..fault
            },
            5 => Fault {
                reset: Some(Reset::Middle),
                ..fault
            },
            6 => Fault {
                truncate: Some(chance.random.random_range(0..200)),
                ..fault
            },
            _ => Fault {
                delay_ms: chance.random.random_range(50..300),
                ..fault
            },
        })
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == path;
    };
    let Some(left) = path.strip_prefix(head) else {
        return false;
    };
    let ends = left.char_indices().map(|(at, _)| at).chain([left.len()]);
    ends.into_iter().any(|at| matches(rest, &left[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Faults {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("faults.json");
        std::fs::write(&file, json).unwrap();
        Faults::open(Some(&file), 0.0, 1).unwrap()
    }

    #[test]
    fn a_fault_skips_strikes_and_is_gone() {
        let faults = faults(
            r#"[{"path": "/api/public/deals/*/stage-changes/", "skip": 1, "times": 2, "status": 503}]"#,
        );
        let path = "/api/public/deals/7/stage-changes/";
        let struck: Vec<bool> = (0..4)
            .map(|_| faults.strike("GET", path).is_some())
            .collect();
        assert_eq!(struck, [false, true, true, false]);
        assert!(faults.due().is_empty());
        assert!(faults.strike("GET", "/api/public/deals/").is_none());
    }

    #[test]
    fn random_faults_are_as_many_as_asked_for_and_the_same_for_a_seed() {
        let struck = |percent, seed| {
            let faults = Faults::open(None, percent, seed).unwrap();
            (0..2_000)
                .map(|_| faults.strike("GET", "/").map(|fault| fault.name()))
                .collect::<Vec<_>>()
        };
        let some = struck(5.0, 7);
        let count = some.iter().flatten().count();
        assert!((60..140).contains(&count), "{count}");
        assert_eq!(some, struck(5.0, 7));
        assert_ne!(some, struck(5.0, 8));
        assert!(struck(0.0, 7).iter().all(Option::is_none));
    }

    #[test]
    fn a_fault_file_with_an_unknown_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("faults.json");
        std::fs::write(&file, r#"[{"pth": "*"}]"#).unwrap();
        let error = Faults::open(Some(&file), 0.0, 1).map(|_| ()).unwrap_err();
        assert!(error.is_input());
    }
}
