//! Deployments that are slow or go wrong, for tests.
//!
//! In: a [`Trial`], posted to `/control/deployments`. Out: how far a deployment has come at each look. No part of
//! Salesforce.

use serde::Deserialize;

/// What is to happen to one deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Trial {
    /// Break off half-way, with nothing applied.
    pub(crate) fail: bool,
    /// Looks for which it stays InProgress.
    pub(crate) polls: u32,
}

/// Where a deployment under trial stands.
#[derive(Debug, Default)]
pub(super) struct Hold {
    trial: Trial,
    looks: u32,
    /// It has been checked and waits.
    waiting: bool,
}

/// Part of the components.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    part: u32,
    whole: u32,
}

impl Share {
    /// That part of a number, rounded down.
    pub(super) fn of(self, total: usize) -> usize {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        (total.saturating_mul(count(self.part)) / count(self.whole.max(1))).min(total)
    }
}

impl Hold {
    pub(super) fn new(trial: Trial) -> Self {
        Self {
            trial,
            ..Self::default()
        }
    }

    /// Begins to wait, if looks are due.
    pub(super) fn begin(&mut self) -> bool {
        self.waiting = self.looks < self.trial.polls;
        self.waiting
    }

    /// A look at a waiting deployment: how far it is, and whether it goes on after that.
    pub(super) fn look(&mut self) -> Option<(Share, bool)> {
        if !self.waiting {
            return None;
        }
        self.looks += 1;
        self.waiting = self.looks < self.trial.polls;
        // One that fails never gets behind its half.
        let whole = (self.trial.polls + 1) * if self.trial.fail { 2 } else { 1 };
        let part = self.looks;
        Some((Share { part, whole }, !self.waiting))
    }

    /// Ends the waiting; whether there was any.
    pub(super) fn release(&mut self) -> bool {
        self.looks = self.trial.polls;
        std::mem::take(&mut self.waiting)
    }

    /// Whether it is to go wrong.
    pub(super) fn fails(&self) -> bool {
        self.trial.fail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_deployment_grows_with_each_look_and_is_then_let_go() {
        let mut hold = Hold::new(Trial {
            fail: false,
            polls: 3,
        });
        assert!(hold.look().is_none());
        assert!(hold.begin());
        let seen: Vec<(usize, bool)> = std::iter::from_fn(|| hold.look())
            .map(|(share, released)| (share.of(8), released))
            .collect();
        assert_eq!(seen, [(2, false), (4, false), (6, true)]);
        assert!(!hold.begin());
    }
}
