//! An account for tests: the loopback server below the API's base path, and a client for it that hardly waits.

use std::time::Duration;

use url::Url;

use super::mock_server::{Answer, MockServer, Received};
use super::{BASE_PATH, Client, ClientSettings};
use crate::salesforce::net::{RetryConfig, Secret};

/// A running account; stops when dropped.
pub(in crate::usercom) struct MockAccount {
    pub(in crate::usercom) url: Url,
    server: MockServer,
}

impl MockAccount {
    /// Starts on a free port. The script gets method, path and query, without the base path.
    pub(in crate::usercom) async fn start(
        mut script: impl FnMut(&str) -> Answer + Send + 'static,
    ) -> Self {
        let server = MockServer::start(move |line, _| script(&below_base(line))).await;
        Self {
            url: server.url.clone(),
            server,
        }
    }

    /// Settings that wait as little as possible.
    pub(in crate::usercom) fn settings(&self) -> ClientSettings {
        let mut settings = ClientSettings::new(self.url.clone(), Secret::new("hunter2"));
        settings.requests_per_second = 100_000.0;
        settings.retry = RetryConfig {
            max_attempts: 4,
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(4),
            max_retry_after: Duration::from_secs(2),
            ..settings.retry
        };
        settings
    }

    pub(in crate::usercom) fn client(&self) -> Client {
        Client::new(self.settings()).unwrap()
    }

    /// Requests so far whose line starts with `prefix`, such as `GET users/`.
    pub(in crate::usercom) fn received(&self, prefix: &str) -> Vec<Received> {
        let mut all = self.server.received("");
        for request in &mut all {
            request.line = below_base(&request.line);
        }
        all.retain(|request| request.line.starts_with(prefix));
        all
    }
}

fn below_base(line: &str) -> String {
    line.replace(BASE_PATH, "")
}
