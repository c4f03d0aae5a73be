//! Access tokens: given out at login, gone after a while (`guide/salesforce.md` §3).
//!
//! In: a user who proved who they are. Out: a token of the shape `00D…!…`; later, the user behind a token. Tokens live in
//! memory only: after a restart clients log in again, as they must after any expiry. One more token is made at start, for control
//! requests alone; any other that was given out does for those as well, also one that expired, since control expires them.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rand::Rng;

use super::ids::RecordId;
use super::lock::lock;
use super::options::SalesforceSimOptions;

struct Session {
    user: u32,
    until: Instant,
    requests_left: Option<u64>,
}

/// The sessions of an org.
pub(crate) struct Sessions {
    organization: RecordId,
    settings: Mutex<(Duration, Option<u64>)>,
    sessions: Mutex<HashMap<String, Session>>,
    /// All that were given out and not ended by their owners; about a hundred bytes a login.
    given_out: Mutex<HashSet<String>>,
    control: String,
}

impl Sessions {
    pub(crate) fn new(organization: RecordId, options: &SalesforceSimOptions) -> Self {
        Self {
            control: token(&organization),
            organization,
            settings: Mutex::new((options.token_lifetime, options.token_requests)),
            sessions: Mutex::default(),
            given_out: Mutex::default(),
        }
    }

    /// Opens a session.
    pub(crate) fn open(&self, user: u32) -> String {
        let (lifetime, requests_left) = *lock(&self.settings);
        let token = token(&self.organization);
        lock(&self.given_out).insert(token.clone());
        let now = Instant::now();
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, session| session.until > now);
        sessions.insert(
            token.clone(),
            Session {
                user,
                until: now + lifetime,
                requests_left,
            },
        );
        token
    }

    /// The user behind a token; using it counts.
    pub(crate) fn user(&self, token: &str) -> Option<u32> {
        let mut sessions = lock(&self.sessions);
        let session = sessions
            .get_mut(token)
            .filter(|session| session.until > Instant::now())?;
        if let Some(left) = &mut session.requests_left {
            *left = left.checked_sub(1)?;
        }
        Some(session.user)
    }

    /// The token that is for control requests alone.
    pub(crate) fn control(&self) -> &str {
        &self.control
    }

    /// Whether whoever has this token may steer the org.
    pub(crate) fn may_control(&self, token: &str) -> bool {
        token == self.control || lock(&self.given_out).contains(token)
    }

    /// Ends one session.
    pub(crate) fn close(&self, token: &str) {
        lock(&self.given_out).remove(token);
        lock(&self.sessions).remove(token);
    }

    /// Ends all sessions.
    pub(crate) fn expire_all(&self) {
        lock(&self.sessions).clear();
    }

    /// Changes how long sessions opened from now on last.
    pub(crate) fn set(&self, lifetime: Option<Duration>, requests: Option<Option<u64>>) {
        let mut settings = lock(&self.settings);
        settings.0 = lifetime.unwrap_or(settings.0);
        settings.1 = requests.unwrap_or(settings.1);
    }
}

/// A new token.
fn token(organization: &RecordId) -> String {
    let mut random = rand::rng();
    let opaque: Vec<String> = (0..10)
        .map(|_| format!("{:08x}", random.next_u32()))
        .collect();
    format!("{}!AQ{}", organization.short(), opaque.concat())
}
