//! An organisation for tests: the loopback server with rules, a token endpoint and a clock that does not wait.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use url::Url;

use super::{
    Auth, Client, Result, Secret, Settings,
    net::{
        ManualClock,
        mock_server::{Answer, MockServer, Received, say},
    },
};

/// What the server does with a request whose line starts with `when`.
struct Rule {
    when: String,
    answers: VecDeque<Answer>,
    /// Given when `answers` is used up; nothing means 404.
    last: Option<Answer>,
}

#[derive(Default)]
struct Script {
    rules: Mutex<Vec<Rule>>,
    /// The only `Authorization` that data requests may carry.
    token: Mutex<Option<String>>,
}

impl Script {
    fn answer(&self, line: &str, authorization: Option<&str>) -> Answer {
        let expired = self.token.lock().unwrap().as_ref().is_some_and(|token| {
            line.contains("/services/data/") && authorization != Some(token.as_str())
        });
        if expired {
            return say(401, EXPIRED);
        }
        let mut rules = self.rules.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| line.starts_with(&rule.when));
        rule.and_then(|rule| rule.answers.pop_front().or_else(|| rule.last.clone()))
            .unwrap_or_else(|| {
                say(
                    404,
                    r#"[{"errorCode":"NOT_FOUND","message":"no such rule"}]"#,
                )
            })
    }
}

/// A running organisation; stops when dropped.
pub(super) struct MockOrg {
    script: Arc<Script>,
    server: MockServer,
    pub(super) url: Url,
    pub(super) clock: Arc<ManualClock>,
}

impl MockOrg {
    /// Starts on a free port, with a token endpoint that always answers.
    pub(super) async fn start() -> Self {
        let server = Self::start_without_login().await;
        server.on("POST /services/oauth2/token", &[], Some(server.token("t0")));
        server
    }

    pub(super) async fn start_without_login() -> Self {
        let script = Arc::new(Script::default());
        let rules = Arc::clone(&script);
        let server = MockServer::start(move |line, headers| {
            let authorization = headers.get("authorization");
            rules.answer(line, authorization.and_then(|value| value.to_str().ok()))
        })
        .await;
        Self {
            script,
            url: server.url.clone(),
            server,
            clock: Arc::new(ManualClock::new()),
        }
    }

    /// A token answer that points back here.
    pub(super) fn token(&self, token: &str) -> Answer {
        say(
            200,
            format!(
                r#"{{"access_token":"{token}","instance_url":"{}","token_type":"Bearer",
                    "id":"{}id/00Dxx0000000001AAA/005xx0000000001AAA"}}"#,
                self.url.as_str().trim_end_matches('/'),
                self.url
            ),
        )
    }

    /// Scripts the answers to requests whose line starts with `when`: the given ones, then `last` for ever.
    pub(super) fn on(&self, when: &str, answers: &[Answer], last: Option<Answer>) {
        let rule = Rule {
            when: when.to_owned(),
            answers: answers.iter().cloned().collect(),
            last,
        };
        // A later rule goes first.
        self.script.rules.lock().unwrap().insert(0, rule);
    }

    pub(super) fn settings(&self) -> Settings {
        let auth = Auth::ClientCredentials {
            client_id: "app".into(),
            client_secret: Secret::new("hunter2"),
        };
        Settings::new(self.url.clone(), auth)
    }

    pub(super) async fn client(&self) -> Client {
        self.connect(self.settings()).await.unwrap()
    }

    /// Connects with the clock that does not wait.
    pub(super) async fn connect(&self, settings: Settings) -> Result<Client> {
        let clock = Arc::<ManualClock>::clone(&self.clock);
        Client::connect_with_clock(settings, clock).await
    }

    /// From now on every data request with another token is answered with 401.
    pub(super) fn accept_only(&self, token: &str) {
        *self.script.token.lock().unwrap() = Some(format!("Bearer {token}"));
    }

    /// Requests whose line starts with `prefix`.
    pub(super) fn received(&self, prefix: &str) -> Vec<Received> {
        self.server.received(prefix)
    }
}

const EXPIRED: &str =
    r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#;
