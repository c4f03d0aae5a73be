//! The simulated User.com account as a process of its own, and a client that knows nothing but HTTP.
//!
//! In: a project with an export, arguments of `sim usercom`. Out: answers. The account ends when the value is dropped.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Map, Value};
use tokio::runtime::Runtime;
use transload_sim::usercom::DEFAULT_TOKEN;

use crate::rehearsal::runtime;
use crate::support::Project;

/// The header that asks for version 2.
pub(crate) const V2: &str = "*/*; version=2";

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null if it is no JSON.
    pub(crate) body: Value,
}

/// The simulator as a process of its own, ended when dropped.
pub(crate) struct Account {
    child: Child,
    pub(crate) url: String,
    http: Client,
    runtime: Runtime,
    project: Project,
}

impl Account {
    /// Serves the project's export.
    pub(crate) fn of(project: Project, arguments: &[&str]) -> Self {
        let mut all = vec!["--export", "export", "--state", "state"];
        all.extend(arguments);
        Self::start(project, &all)
    }

    pub(crate) fn start(project: Project, arguments: &[&str]) -> Self {
        let mut all = vec!["sim", "usercom", "--port", "0"];
        all.extend(arguments);
        let mut child = project
            .command(all)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut url).unwrap();
        Self {
            child,
            url: url.trim_end().to_owned(),
            http: Client::builder().build().unwrap(),
            runtime: runtime(),
            project,
        }
    }

    /// Sends ctrl-c and waits; the exit code, none if the signal ended it.
    #[cfg(unix)]
    pub(crate) fn interrupt(mut self) -> Option<i32> {
        let kill = format!("kill -INT {}", self.child.id());
        let sent = Command::new("sh").arg("-c").arg(kill).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().code()
    }

    pub(crate) fn send(
        &self,
        method: Method,
        url: &str,
        accept: &str,
        body: Option<Value>,
    ) -> Result<Answer, reqwest::Error> {
        self.runtime.block_on(async {
            let mut request = self
                .http
                .request(method, url)
                .header(AUTHORIZATION, format!("Token {DEFAULT_TOKEN}"))
                .header(ACCEPT, accept);
            if let Some(body) = body {
                request = request.json(&body);
            }
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let text = response.text().await?;
            Ok(Answer {
                status,
                headers,
                body: serde_json::from_str(&text).unwrap_or_default(),
            })
        })
    }

    pub(crate) fn ask(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Option<Value>,
    ) -> Answer {
        let url = format!("{}/api/public/{path}", self.url);
        self.send(method, &url, accept, body).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, V2, None)
    }

    pub(crate) fn try_get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        let url = format!("{}/api/public/{path}", self.url);
        self.send(Method::GET, &url, V2, None)
    }

    /// The page that `next` leads to.
    pub(crate) fn follow(&self, page: &Value) -> Option<Answer> {
        let next = page["next"].as_str()?;
        Some(self.send(Method::GET, next, V2, None).unwrap())
    }

    /// Ids of all pages, and how the list ended if not with null.
    pub(crate) fn walk(&self, path: &str) -> (Vec<i64>, Option<StatusCode>) {
        let mut found = Vec::new();
        let mut page = self.get(path);
        loop {
            if page.status != 200 {
                return (found, StatusCode::from_u16(page.status).ok());
            }
            found.extend(ids(&page.body));
            match self.follow(&page.body) {
                Some(next) => page = next,
                None => return (found, None),
            }
        }
    }

    /// Asks until this is answered.
    pub(crate) fn until(&self, status: u16) -> Answer {
        let mut answers = (0..50).map(|_| self.get("users/"));
        answers.find(|answer| answer.status == status).unwrap()
    }

    /// What a control request answers.
    pub(crate) fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/control/{path}", self.url);
        let answer = self.send(method, &url, "*/*", body).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// The project whose export is served.
    pub(crate) fn project(&self) -> &Project {
        &self.project
    }

    /// All rows of a list; those of a conversation are its messages.
    pub(crate) fn rows(&self, path: &str, accept: &str) -> Vec<Map<String, Value>> {
        let mut found = Vec::new();
        let mut page = self.ask(Method::GET, path, accept, None);
        assert_eq!(page.status, 200, "{path}");
        let mut count = None;
        while page.status == 200 {
            let results = &mut page.body["results"];
            let rows = match results.get_mut("messages") {
                Some(messages) => messages.take(),
                None => results.take(),
            };
            found.extend(serde_json::from_value::<Vec<Map<String, Value>>>(rows).unwrap());
            count = page.body["count"].as_u64();
            let Some(next) = page.body["next"].as_str() else {
                break;
            };
            page = self.send(Method::GET, next, accept, None).unwrap();
        }
        assert_eq!(count, Some(found.len() as u64), "{path}");
        found
    }

    pub(crate) fn change(&self, change: Value) -> Value {
        self.control(Method::POST, "rows", Some(change))
    }

    pub(crate) fn fetch(&self, path: &str) -> (u16, String) {
        self.runtime.block_on(async {
            let response = self
                .http
                .get(format!("{}{path}", self.url))
                .send()
                .await
                .unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        })
    }

    /// The text of a file once it is there.
    pub(crate) fn wait_for(&self, path: &str) -> String {
        for _ in 0..200 {
            let (status, text) = self.fetch(path);
            if status == 200 {
                return text;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{path} never came");
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ids of the rows of a page.
pub(crate) fn ids(page: &Value) -> Vec<i64> {
    let rows = page["results"].as_array().unwrap();
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}
