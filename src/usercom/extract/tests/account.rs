//! An account as a test imagines it: lists in memory, served in pages over HTTP, and changed while they are read.
//!
//! Pages are cut by position, so that a row that goes moves all that follow it: the worst way to page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::progress::Progress;
use crate::usercom::api::mock_account::MockAccount;
use crate::usercom::api::mock_server::{Answer, say};
use crate::usercom::extract::part::read_rows;
use crate::usercom::extract::{Choices, ExtractError, ExtractSettings, Finished, prepare};
use crate::usercom::json_text;

/// Something that happens to the account after a page was given.
type Hook = Box<dyn FnMut(&mut Account, &str) + Send>;

/// What the account holds and how it behaves.
#[derive(Default)]
pub(super) struct Account {
    /// Rows by path: `users/`, `deals/7/stage-changes/`.
    pub(super) lists: BTreeMap<String, Vec<String>>,
    /// Paths that are refused with this status.
    pub(super) refused: BTreeMap<String, u16>,
    /// Rows that are counted but not listed, by path.
    pub(super) hidden: BTreeMap<String, u64>,
    pub(super) page: usize,
    /// The page after the last one is promised, and then not there.
    pub(super) promises_too_much: bool,
    /// `users/search/` and `updated_at__gte` filter; otherwise the one is not there and the other ignored.
    pub(super) filters: bool,
    /// Every page leads to itself.
    pub(super) circles: bool,
    /// Answers left until the token is refused.
    pub(super) answers_left: Option<u32>,
    /// Files by path, that bulk exports made; with a number of looks before they appear.
    pub(super) files: BTreeMap<String, (u32, String)>,
    /// What `POST exports/` answers.
    pub(super) export: Option<String>,
    /// The server's time of day.
    pub(super) date: String,
    /// Called after each page with the request's line.
    pub(super) after: Option<Hook>,
}

/// A running account.
pub(super) struct Served {
    pub(super) server: MockAccount,
    account: Arc<Mutex<Account>>,
}

/// Remembers what it was told.
#[derive(Default)]
pub(super) struct Told(pub(super) Mutex<Vec<String>>);

impl Progress for Told {
    fn done(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

impl Account {
    /// Two pages of people, a deal with stage changes, a segment, a conversation, an e-mail.
    pub(super) fn small() -> Self {
        let mut account = Self {
            page: 3,
            date: "Thu, 01 Jan 2026 10:00:00 GMT".to_owned(),
            filters: true,
            ..Self::default()
        };
        for path in ["tags/", "lists/", "companies/", "products/", "activities/"] {
            account.lists.insert(path.to_owned(), Vec::new());
        }
        account.set(
            "attributes/",
            &[r#"{"id":1,"name":"Plan","value_type":"string","content_type":"clientuser"}"#],
        );
        for id in 1..=5 {
            account.put("users/", &person(id, "2025-12-01"));
        }
        account.put(
            "deals/",
            r#"{"id":7,"name":"A","updated_at":"2025-12-01T00:00:00Z"}"#,
        );
        account.put(
            "deals/",
            r#"{"id":8,"name":"B","updated_at":"2025-12-01T00:00:00Z"}"#,
        );
        account.put("deals/7/stage-changes/", r#"{"id":71,"stage":1}"#);
        account.put("deals/8/stage-changes/", r#"{"id":81,"stage":1}"#);
        account.put("segments/", r#"{"id":3,"name":"VIP"}"#);
        for id in [1, 2, 4, 5] {
            account.put("segments/3/users/", &person(id, "2025-12-01"));
        }
        account.put(
            "conversations/",
            r#"{"id":9,"user":{"id":1},"messages":4,"updated_at":"2025-12-01T00:00:00Z"}"#,
        );
        for id in 91..=94 {
            let message = format!(r#"{{"id":{id},"content":"hi"}}"#);
            account.put("conversations/9/", &message);
        }
        account.put("users/2/emails/", r#"{"id":21,"subject":"Hello"}"#);
        for id in [1, 3, 4, 5] {
            account.set(&format!("users/{id}/emails/"), &[]);
        }
        account
    }

    pub(super) fn set(&mut self, path: &str, rows: &[&str]) {
        let rows = rows.iter().map(|row| (*row).to_owned()).collect();
        self.lists.insert(path.to_owned(), rows);
    }

    /// Adds a row at the end, or replaces the one with its id.
    pub(super) fn put(&mut self, path: &str, row: &str) {
        let id = json_text::get(row, "id").map(str::to_owned);
        let rows = self.lists.entry(path.to_owned()).or_default();
        match rows
            .iter_mut()
            .find(|other| json_text::get(other, "id").map(str::to_owned) == id)
        {
            Some(other) => row.clone_into(other),
            None => rows.push(row.to_owned()),
        }
    }

    pub(super) fn delete(&mut self, path: &str, id: i64) {
        let id = id.to_string();
        let rows = self.lists.get_mut(path).unwrap();
        rows.retain(|row| json_text::get(row, "id") != Some(&id));
    }

    pub(super) async fn serve(self) -> Served {
        let account = Arc::new(Mutex::new(self));
        let shared = Arc::clone(&account);
        let server = MockAccount::start(move |line| shared.lock().unwrap().answer(line)).await;
        Served { server, account }
    }

    fn answer(&mut self, line: &str) -> Answer {
        if let Some(left) = &mut self.answers_left {
            if *left == 0 {
                return say(401, r#"{"detail":"Invalid token."}"#);
            }
            *left -= 1;
        }
        let date = self.date.clone();
        self.reply(line).with("date", date)
    }

    fn reply(&mut self, line: &str) -> Answer {
        let (method, target) = line.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if let Some(status) = self.refused.get(path) {
            return say(*status, "{}");
        }
        if method == "POST" {
            return match &self.export {
                Some(answer) => say(200, answer.clone()),
                None => say(404, "{}"),
            };
        }
        if let Some((looks, text)) = self.files.get_mut(path) {
            if *looks == 0 {
                return say(200, text.clone());
            }
            *looks -= 1;
            return say(404, "{}");
        }
        if path == "users/search/" {
            return match self.filters {
                true => self.list("users/", query, line),
                false => say(404, "{}"),
            };
        }
        if self.lists.contains_key(path) {
            return self.list(path, query, line);
        }
        self.record(path)
    }

    /// A record by its id.
    fn record(&self, path: &str) -> Answer {
        let mut parts = path.trim_end_matches('/').rsplitn(2, '/');
        let id = parts.next().unwrap_or_default();
        let rows = parts
            .next()
            .and_then(|list| self.lists.get(&format!("{list}/")));
        let row = rows.into_iter().flatten();
        match row
            .into_iter()
            .find(|row| json_text::get(row, "id") == Some(id))
        {
            Some(row) => say(200, row.clone()),
            None => say(404, "{}"),
        }
    }

    fn list(&mut self, path: &str, query: &str, line: &str) -> Answer {
        let value = |key: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.into_owned())
        };
        let min = value("min").map(|min| min.parse::<i64>().unwrap());
        let rows: Vec<&String> = self.lists[path]
            .iter()
            .filter(|row| {
                let at = super::super::work::updated_at(row);
                min.is_none_or(|min| at.is_some_and(|at| at.timestamp() >= min))
            })
            .collect();
        let start: usize = value("cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let end = (start + self.page).min(rows.len());
        let goes_on = end < rows.len() || (self.promises_too_much && start < rows.len());
        if start > 0 && start >= rows.len() {
            return say(404, r#"{"detail":"Invalid page."}"#);
        }
        let mut next = "null".to_owned();
        if goes_on || self.circles {
            let cursor = if self.circles { start } else { end };
            let target = line.split_once(' ').unwrap().1;
            let (list, _) = target.split_once('?').unwrap_or((target, ""));
            let filter = min.map_or_else(String::new, |min| format!("&min={min}"));
            next =
                format!(r#""http://elsewhere.example/api/public/{list}?cursor={cursor}{filter}""#);
        }
        let count = rows.len() as u64 + self.hidden.get(path).unwrap_or(&0);
        let page: Vec<&str> = rows[start..end].iter().map(|row| row.as_str()).collect();
        let page = page.join(",");
        let results = match path.starts_with("conversations/") && path != "conversations/" {
            true => format!(r#"{{"id":9,"messages":[{page}]}}"#),
            false => format!("[{page}]"),
        };
        let body =
            format!(r#"{{"count":{count},"next":{next},"previous":null,"results":{results}}}"#);
        if let Some(mut after) = self.after.take() {
            after(self, line);
            self.after = self.after.take().or(Some(after));
        }
        say(200, body)
    }
}

/// A person who changed on a day.
pub(super) fn person(id: i64, day: &str) -> String {
    format!(r#"{{"id":{id},"name":"P {id}","updated_at":"{day}T00:00:00Z"}}"#)
}

impl Served {
    pub(super) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    pub(super) fn settings(&self, folder: &Path) -> ExtractSettings {
        ExtractSettings {
            url: self.server.url.to_string(),
            folder: folder.join("extracts"),
            manual: folder.join("manual"),
            overlap: chrono::Duration::minutes(10),
            second_look: true,
            exports: true,
            export_path: "exports/".to_owned(),
            export_wait: Duration::from_secs(2),
            leave_out: Vec::new(),
            include: Vec::new(),
            endpoints: BTreeMap::new(),
            capabilities: None,
        }
    }

    pub(super) async fn extract(&self, folder: &Path) -> Result<Finished, ExtractError> {
        self.extract_with(folder, Choices::default(), &Told::default())
            .await
    }

    pub(super) async fn extract_with(
        &self,
        folder: &Path,
        choices: Choices,
        told: &Told,
    ) -> Result<Finished, ExtractError> {
        let settings = self.settings(folder);
        let prepared = prepare(self.server.client(), settings, choices, false).await?;
        prepared.run(told).await
    }

    /// Requests so far whose line starts so.
    pub(super) fn asked(&self, prefix: &str) -> usize {
        self.server.received(prefix).len()
    }

    /// Lines of all requests so far.
    pub(super) fn lines(&self) -> Vec<String> {
        let all = self.server.received("");
        all.into_iter().map(|request| request.line).collect()
    }
}

/// Rows of an object in a finished extract, in order.
pub(super) fn rows(finished: &Finished, object: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for file in &finished.manifest.objects[object].files {
        let mut count = 0;
        read_rows(&finished.folder.join(&file.name), |row| {
            count += 1;
            rows.push(row.to_owned());
            Ok(())
        })
        .unwrap();
        assert_eq!(count, file.rows, "{}", file.name);
    }
    rows
}

/// Ids of an object in a finished extract.
pub(super) fn ids(finished: &Finished, object: &str) -> BTreeSet<i64> {
    let rows = rows(finished, object);
    rows.iter()
        .map(|row| json_text::get(row, "id").unwrap().parse().unwrap())
        .collect()
}
