//! Objects that are read per record of another one: stage changes of a deal, members of a segment, messages of a
//! conversation, e-mails of a person.
//!
//! In: the closed set of the parents' ids, in order. Out: rows that know their parent. Several parents are asked at once, their
//! answers are taken in order, so that one number says how far it is. Building upon an earlier extract, rows of parents
//! that did not change since are taken over from its files.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::ids::{self, IdSet};
use super::manifest::Mode;
use super::objects::{ChildRows, Object, ReadMode};
use super::part::with_parent;
use super::run::Run;
use super::state::Step;
use super::work::Work;
use super::{ExtractError, export};
use crate::usercom::api::{Answer, ApiError, Client, row_id};
use crate::usercom::json_text;
use crate::usercom::schema::pair;

/// Parents in a row without the endpoint after which it is taken for missing.
const FEW: u64 = 5;

/// Between two checkpoints at most.
const OFTEN: Duration = Duration::from_secs(1);

/// Rows between two checkpoints at most.
const MANY_ROWS: usize = 500;

/// How the rows of a child look.
#[derive(Clone, Copy)]
struct Shape {
    parent: &'static str,
    key: &'static str,
    rows: ChildRows,
}

/// Rows that wait to be written.
#[derive(Default)]
struct Batch {
    rows: Vec<String>,
    ids: Vec<i64>,
}

/// Reads a child object.
pub(super) async fn read(run: &Run<'_>, object: Object) -> Result<(), ExtractError> {
    let shape = match object.kind {
        ReadMode::List => return Ok(()),
        ReadMode::Export { key } => return read_export(run, object, key).await,
        ReadMode::Child { parent, key, rows } => Shape { parent, key, rows },
    };
    let Shape { parent, key, .. } = shape;
    let mut work = Work::open(run, object)?;
    if matches!(work.state.step, Step::Finished | Step::Missing(_)) {
        return Ok(());
    }
    if !run.places.note(&format!("{parent}.all")).exists() {
        return work.set_missing(&format!("there are no {parent} to ask about"));
    }
    if work.state.step == Step::Begin && export::read(&mut work, key).await? {
        return work.finish();
    }
    let parents = parents(&mut work, shape)?;
    let total = parents.len() as u64;
    let done = work.state.done_through;
    let left: Vec<i64> = parents
        .into_iter()
        .filter(|id| done.is_none_or(|done| *id > done))
        .collect();
    if let Some(reason) = ask(&mut work, shape, left, total).await? {
        return work.set_missing(&reason);
    }
    run.progress.rows(object.name, total, total);
    work.finish()
}

/// Reads an object that only a bulk export gives.
async fn read_export(run: &Run<'_>, object: Object, key: &str) -> Result<(), ExtractError> {
    let mut work = Work::open(run, object)?;
    if matches!(work.state.step, Step::Finished | Step::Missing(_)) {
        return Ok(());
    }
    if export::read(&mut work, key).await? {
        return work.finish();
    }
    work.set_missing(&format!(
        "User.com gives them as a bulk export only, which could not be had; manual/{}.csv is staged instead",
        object.name
    ))
}

/// The parents to ask about, in order. Rows of the others are taken over.
fn parents(work: &mut Work<'_>, shape: Shape) -> Result<Vec<i64>, ExtractError> {
    let run = work.run;
    let alive = ids::read_all(&run.places.note(&format!("{}.all", shape.parent)))?;
    let Some(files) = run.base_rows(&work.object) else {
        return Ok(alive.into_sorted());
    };
    let changed = ids::read_all(&run.places.note(&format!("{}.changed", shape.parent)))?;
    let before = run.base_ids(shape.parent)?.unwrap_or_default();
    let unchanged = |id: i64| alive.contains(id) && before.contains(id) && !changed.contains(id);
    if work.state.step == Step::Begin {
        work.begin_again(Mode::Changes)?;
        let (writer, ids) = (&mut work.writer, &mut work.ids);
        let mut taken = Vec::new();
        for file in files {
            writer.take_over(&file, |row| {
                let keep = parent_of(row, shape.key).is_some_and(unchanged);
                if keep
                    && let Some(id) = identity(row, shape)
                    && ids.insert(id)
                {
                    taken.push(id);
                }
                keep
            })?;
        }
        work.add_ready(&[], &taken)?;
        work.state.step = Step::Taken;
        work.checkpoint()?;
    }
    let parents = alive.clone().into_sorted();
    Ok(parents.into_iter().filter(|id| !unchanged(*id)).collect())
}

fn parent_of(row: &str, key: &str) -> Option<i64> {
    json_text::cell(json_text::get(row, key)?)?
        .trim()
        .parse()
        .ok()
}

/// What tells a row apart from others of its object.
fn identity(row: &str, shape: Shape) -> Option<i64> {
    match shape.rows {
        ChildRows::Members => pair(parent_of(row, shape.key)?, parent_of(row, "person_id")?),
        ChildRows::Records | ChildRows::Messages => row_id(row),
    }
}

/// Asks about one parent after the other. The reason if the account does not offer it.
async fn ask(
    work: &mut Work<'_>,
    shape: Shape,
    left: Vec<i64>,
    total: u64,
) -> Result<Option<String>, ExtractError> {
    let run = work.run;
    let object = work.object;
    let fail = ExtractError::api(object.name);
    let mut done = total - left.len() as u64;
    let is_only = left.len() == 1;
    let mut batch = Batch::default();
    let mut saved = Instant::now();
    let mut answered = done > work.state.gone;
    let mut open = work.state.open_parent.take();
    let mut answers = Ahead::new(run.client.clone(), run.path(&object), left, open.as_ref());
    while let Some((id, answer)) = answers.next().await {
        let resumed = open.take().filter(|(open, ..)| *open == id);
        match answer {
            Ok(answer) => {
                answered = true;
                let found = resumed.map_or(0, |(_, found, _)| found);
                pages(work, shape, id, answer, &mut batch, found).await?;
            }
            // The page after the last one was promised.
            Err(ApiError::NotFound { .. }) if resumed.is_some() => {}
            Err(error @ ApiError::NotFound { .. }) => {
                work.state.gone += 1;
                let is_never = !answered && (work.state.gone >= FEW || is_only);
                if is_never && is_absent(run, shape, id).await {
                    return Ok(Some(error.to_string()));
                }
            }
            Err(error) if error.is_missing() && object.is_guess => {
                return Ok(Some(error.to_string()));
            }
            Err(error) => {
                flush(work, &mut batch)?;
                return Err(fail(error));
            }
        }
        done += 1;
        work.state.done_through = Some(id);
        if batch.rows.len() >= MANY_ROWS || saved.elapsed() >= OFTEN {
            flush(work, &mut batch)?;
            saved = Instant::now();
            run.progress.rows(object.name, done, total);
        }
    }
    flush(work, &mut batch)?;
    Ok(None)
}

/// Asks about several parents at once and gives the answers in the order of the parents. Each request is a task of its
/// own: it goes on while further pages of an earlier parent are read.
struct Ahead {
    client: Client,
    path: String,
    parents: Vec<i64>,
    /// The first parent's page to go on with.
    first: Option<String>,
    tasks: JoinSet<(usize, Result<Answer, ApiError>)>,
    ready: BTreeMap<usize, Result<Answer, ApiError>>,
    asked: usize,
    given: usize,
}

impl Ahead {
    fn new(
        client: Client,
        path: String,
        parents: Vec<i64>,
        open: Option<&(i64, u64, String)>,
    ) -> Self {
        let first = open.filter(|(id, ..)| parents.first() == Some(id));
        Self {
            client,
            path,
            first: first.map(|(.., next)| next.clone()),
            parents,
            tasks: JoinSet::new(),
            ready: BTreeMap::new(),
            asked: 0,
            given: 0,
        }
    }

    async fn next(&mut self) -> Option<(i64, Result<Answer, ApiError>)> {
        while self.asked < self.parents.len() && self.asked - self.given < self.client.concurrency()
        {
            let (index, client) = (self.asked, self.client.clone());
            let target = match self.first.take() {
                Some(next) => next,
                None => target(&self.path, self.parents[index]),
            };
            self.tasks
                .spawn(async move { (index, client.get(&target).await) });
            self.asked += 1;
        }
        let index = self.given;
        let parent = *self.parents.get(index)?;
        loop {
            if let Some(answer) = self.ready.remove(&index) {
                self.given += 1;
                return Some((parent, answer));
            }
            match self.tasks.join_next().await? {
                Ok((index, answer)) => {
                    self.ready.insert(index, answer);
                }
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => return None,
            }
        }
    }
}

fn target(path: &str, parent: i64) -> String {
    path.replace(":id", &parent.to_string())
}

/// Whether the parent itself is there although its list is not.
async fn is_absent(run: &Run<'_>, shape: Shape, id: i64) -> bool {
    let Some(parent) = super::objects::object(shape.parent) else {
        return true;
    };
    let target = format!("{}{id}/", run.path(parent));
    run.client.get(&target).await.is_ok() || shape.rows == ChildRows::Messages
}

fn flush(work: &mut Work<'_>, batch: &mut Batch) -> Result<(), ExtractError> {
    work.add_ready(&batch.rows, &batch.ids)?;
    *batch = Batch::default();
    work.checkpoint()
}

/// Reads all pages of one parent, one of which is there; `found` rows came before it. If they are fewer rows than the
/// API counts, once more.
async fn pages(
    work: &mut Work<'_>,
    shape: Shape,
    parent: i64,
    first: Answer,
    batch: &mut Batch,
    found: u64,
) -> Result<(), ExtractError> {
    let mut short = read_parent(work, shape, parent, first, batch, found).await?;
    if short > 0 {
        let again = target(&work.run.path(&work.object), parent);
        short = match work.run.client.get(&again).await {
            Ok(again) => {
                let still = read_parent(work, shape, parent, again, batch, 0).await?;
                still.min(short)
            }
            Err(ApiError::NotFound { .. }) => 0,
            Err(error) => return Err(ExtractError::api(work.object.name)(error)),
        };
    }
    work.state.open_parent = None;
    work.state.short += short;
    Ok(())
}

/// Reads the pages of one parent once; how many rows the API counted and did not list.
async fn read_parent(
    work: &mut Work<'_>,
    shape: Shape,
    parent: i64,
    first: Answer,
    batch: &mut Batch,
    found: u64,
) -> Result<u64, ExtractError> {
    let fail = ExtractError::api(work.object.name);
    let list = match shape.rows {
        ChildRows::Messages => "messages",
        ChildRows::Records | ChildRows::Members => "",
    };
    let (mut answer, mut page_number) = (first, 1);
    let mut read = HashSet::new();
    let mut listed = IdSet::default();
    let mut found = found;
    let mut count = None;
    loop {
        let page = answer.page(list).map_err(&fail)?;
        count = page.count.filter(|_| !page.rows.is_empty()).or(count);
        for row in &page.rows {
            let line = line(row, shape, parent);
            let id = identity(&line, shape);
            let is_known = match id {
                Some(id) => {
                    found += u64::from(listed.insert(id));
                    !work.ids.insert(id)
                }
                None => {
                    found += 1;
                    false
                }
            };
            if !is_known {
                batch.ids.extend(id);
                batch.rows.push(line);
            }
        }
        let Some(next) = page.next else {
            break;
        };
        if !read.insert(next.clone()) {
            return Err(fail(ApiError::RepeatedCursor {
                path: answer.path.clone(),
                page: page_number,
            }));
        }
        page_number += 1;
        if batch.rows.len() >= MANY_ROWS {
            work.state.open_parent = Some((parent, found, next.clone()));
            flush(work, batch)?;
        }
        answer = match work.run.client.get(&next).await {
            Ok(answer) => answer,
            Err(ApiError::NotFound { .. }) => break,
            Err(error) => return Err(fail(error)),
        };
    }
    Ok(count.map_or(0, |count| count.saturating_sub(found)))
}

/// A row as staging reads it.
fn line(row: &str, shape: Shape, parent: i64) -> String {
    if shape.rows != ChildRows::Members {
        return with_parent(row, shape.key, parent);
    }
    // A person's record is in the file of people; here only the membership is new. A bare id is a member, too.
    let id = row_id(row).map_or_else(|| row.trim().to_owned(), |id| id.to_string());
    let since = ["member_since", "added_at"]
        .iter()
        .find_map(|key| json_text::get(row, key))
        .filter(|since| *since != "null");
    let since = since.map_or_else(String::new, |since| format!(",\"member_since\":{since}"));
    format!("{{\"{}\":{parent},\"person_id\":{id}{since}}}", shape.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_member_only_the_membership_is_kept() {
        let shape = Shape {
            parent: "segments",
            key: "segment_id",
            rows: ChildRows::Members,
        };
        for (row, expected) in [
            (
                r#"{"id":"7","email":"a@b.c","user_id":"C-1"}"#,
                r#"{"segment_id":3,"person_id":7}"#,
            ),
            (
                r#"{"id":7,"member_since":"2026-01-01T00:00:00Z"}"#,
                r#"{"segment_id":3,"person_id":7,"member_since":"2026-01-01T00:00:00Z"}"#,
            ),
            ("7", r#"{"segment_id":3,"person_id":7}"#),
        ] {
            assert_eq!(line(row, shape, 3), expected);
            assert_eq!(identity(expected, shape), pair(3, 7));
        }
    }
}
