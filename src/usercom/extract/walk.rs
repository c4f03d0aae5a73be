//! A list from its first page to its last, and then the proof that nothing fell between the pages.
//!
//! In: an object with a list. Out: its rows and the closed set of its ids. The list is alive while it is read: rows
//! come, go and move to other pages, and nobody promises an order. So a list of several pages is read a second time, without
//! writing what is known, until the set of ids is the one that the API counts:
//!
//! ```text
//! pass 1: write all ─▶ pass 2: write what is new; what is not listed any more is asked for by its id: 404 = deleted
//!                        ├─▶ as many as counted: closed
//!                        ├─▶ fewer: look at both ends of the list, where rows that were created meanwhile are
//!                        └─▶ still not: another pass, if the last one brought news
//! ```

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt, stream};

use super::ExtractError;
use super::manifest::Mode;
use super::objects::Object;
use super::run::Run;
use super::state::Step;
use super::work::{Work, updated_at};
use crate::usercom::api::ApiError;
use crate::usercom::capabilities::ChangesBy;

/// Passes after which what is missing is reported instead of looked for: of a list that takes seconds, and of a long one,
/// which in a busy account never stands still.
const MOST_PASSES: (u32, u32) = (6, 3);

/// Pages of a long list.
const MANY_PAGES: u64 = 50;

/// Looks at the ends of a list after a pass.
const MOST_LOOKS: u32 = 3;

/// Pages without a row in a row after which a list is taken for endless.
const MOST_EMPTY: u32 = 50;

/// Reads the list of an object.
pub(super) async fn walk(run: &Run<'_>, object: Object) -> Result<(), ExtractError> {
    let mut work = Work::open(run, object)?;
    let path = run.path(&object);
    if let Some(before) = run.changes_of(&object) {
        match changes(&mut work, &path, before).await? {
            Some(()) => return work.finish(),
            None if work.state.mode != Mode::Full => work.begin_again(Mode::Full)?,
            None => {}
        }
    }
    loop {
        match work.state.step {
            Step::Finished | Step::Missing(_) => return Ok(()),
            Step::Begin | Step::Page(_) | Step::Taken => {
                work.state.pass = work.state.pass.max(1);
                match read_pass(&mut work, &path, None).await {
                    Err(ExtractError::Api { source, .. })
                        if object.is_guess && source.is_missing() =>
                    {
                        return work.set_missing(&source.to_string());
                    }
                    other => other?,
                };
            }
            Step::Check => {
                if close(&mut work, &path).await? {
                    return work.finish();
                }
                work.next_pass()?;
            }
        }
    }
}

/// Reads pages from where the state is to the end of the list. With `since`, stops at a row that is older: then the
/// API does not filter, and the answer is `false`.
async fn read_pass(
    work: &mut Work<'_>,
    first: &str,
    since: Option<chrono::DateTime<chrono::Utc>>,
) -> Result<bool, ExtractError> {
    let fail = ExtractError::api(work.object.name);
    let mut read = HashSet::new();
    let mut empty = 0;
    loop {
        let (target, is_first) = match &work.state.step {
            Step::Page(next) => (next.clone(), false),
            _ => (first.to_owned(), true),
        };
        let circle = |page| ApiError::RepeatedCursor {
            path: first.split('?').next().unwrap_or_default().to_owned(),
            page,
        };
        if !read.insert(xxhash_rust::xxh3::xxh3_64(target.as_bytes())) {
            return Err(fail(circle(work.state.pages)));
        }
        let answer = match work.run.client.get(&target).await {
            // A known bug: the page after the last one is promised and not there.
            Err(ApiError::NotFound { .. }) if !is_first => {
                work.state.step = Step::Check;
                work.checkpoint()?;
                return Ok(true);
            }
            answer => answer.map_err(&fail)?,
        };
        let page = answer.page("").map_err(&fail)?;
        if let Some(since) = since
            && page
                .rows
                .iter()
                .any(|row| updated_at(row).is_some_and(|at| at < since))
        {
            return Ok(false);
        }
        empty = if page.rows.is_empty() { empty + 1 } else { 0 };
        work.state.pages += 1;
        if empty > MOST_EMPTY {
            return Err(fail(circle(work.state.pages)));
        }
        if let (Some(count), Some(before)) = (page.count, work.state.count) {
            // The bug again: such pages count nothing.
            work.state.moved |= count != before && !page.rows.is_empty();
        }
        if !page.rows.is_empty() || is_first {
            work.state.count = page.count.or(work.state.count);
        }
        work.add(&page.rows)?;
        if !page.rows.is_empty() {
            work.state.last_page = Some(target);
        }
        work.state.step = page.next.map_or(Step::Check, Step::Page);
        work.checkpoint()?;
        show(work);
        if work.state.step == Step::Check {
            return Ok(true);
        }
    }
}

/// Tells how far this pass is.
fn show(work: &Work<'_>) {
    let total = work.state.count.unwrap_or(0);
    let name = work.object.name;
    if work.state.pass <= 1 {
        work.run.progress.rows(name, work.ids.len() as u64, total);
    } else {
        let again = format!("{name} again");
        work.run
            .progress
            .rows(&again, work.pass.len() as u64, total);
    }
}

/// Whether the set of ids is closed; deleted records are found out on the way.
async fn close(work: &mut Work<'_>, path: &str) -> Result<bool, ExtractError> {
    let is_first = work.state.pass <= 1;
    let count = work.state.count;
    if is_first {
        let has_all = count.is_none_or(|count| count == known(work));
        let is_quiet = has_all && !work.state.moved;
        let is_one_page = work.state.pages <= 1;
        return Ok(is_quiet && (is_one_page || !work.run.settings.second_look));
    }
    let unlisted = work.ids.without(&work.pass);
    let gone = confirm_gone(work, path, &unlisted).await?;
    let any_gone = !gone.is_empty();
    work.state.deleted = gone;
    for _ in 0..MOST_LOOKS {
        if work.state.count.is_none_or(|count| count <= known(work)) {
            break;
        }
        look_at_ends(work, path).await?;
    }
    let (has_all, has_count) = match work.state.count {
        Some(count) => (count == known(work), true),
        None => (true, false),
    };
    if has_all && (has_count || !work.state.news) {
        return Ok(true);
    }
    // Another pass helps only where the list still moves.
    let is_moving = work.state.news || any_gone || work.state.moved;
    work.state.moved = false;
    Ok(!is_moving || work.state.pass >= most_passes(work))
}

fn most_passes(work: &Work<'_>) -> u32 {
    match work.state.pages > MANY_PAGES {
        true => MOST_PASSES.1,
        false => MOST_PASSES.0,
    }
}

/// Reads the first page and the last ones again, and of people those who changed since the extract began: rows that were
/// created while the list was read are there.
async fn look_at_ends(work: &mut Work<'_>, path: &str) -> Result<(), ExtractError> {
    let mut starts = vec![path.to_owned()];
    starts.extend(work.state.last_page.clone());
    let changes = work.run.settings.capabilities.as_ref();
    let may_search = changes.is_none_or(|known| known.changes == ChangesBy::Search);
    if work.object.name == "people" && may_search {
        let from = work.run.state.started_at.timestamp();
        let until = from + 7 * 86_400;
        starts.push(format!(
            "{path}search/?search=updated_at&min={from}&max={until}"
        ));
    }
    let fail = ExtractError::api(work.object.name);
    for start in starts {
        let is_search = start.contains("/search/?");
        let mut next = Some(start);
        let mut left = MOST_EMPTY;
        while let Some(target) = next.take().filter(|_| left > 0) {
            left -= 1;
            let answer = match work.run.client.get(&target).await {
                Err(ApiError::NotFound { .. }) => break,
                Err(ApiError::Status { .. }) if is_search => break,
                answer => answer.map_err(&fail)?,
            };
            let page = match answer.page("") {
                Err(_) if is_search => break,
                page => page.map_err(&fail)?,
            };
            let before = work.ids.len();
            work.add(&page.rows)?;
            let any_new = work.ids.len() > before;
            if !is_search && !page.rows.is_empty() {
                work.state.count = page.count.or(work.state.count);
            }
            // Where nothing is new there is nothing new behind it, but at the very end.
            let goes_on = any_new || work.state.last_page.as_ref() == Some(&target);
            next = page.next.filter(|_| goes_on);
        }
    }
    work.checkpoint()
}

/// Records that are known and alive, as the API would count them.
fn known(work: &Work<'_>) -> u64 {
    work.ids.len() as u64 + work.state.nameless - work.state.deleted.len() as u64
}

/// Asks for records by their ids; those that are not there.
async fn confirm_gone(
    work: &Work<'_>,
    path: &str,
    unlisted: &[i64],
) -> Result<Vec<i64>, ExtractError> {
    let client = work.run.client;
    let fail = ExtractError::api(work.object.name);
    let found: Vec<Option<i64>> = stream::iter(unlisted.iter().copied())
        .map(|id| {
            let target = format!("{path}{id}/");
            async move {
                match client.get(&target).await {
                    Ok(_) => Ok(None),
                    // Without a way to ask, what a whole pass did not list is gone.
                    Err(error) if error.is_missing() => Ok(Some(id)),
                    Err(error) => Err(error),
                }
            }
        })
        .buffer_unordered(client.concurrency())
        .try_collect()
        .await
        .map_err(fail)?;
    Ok(found.into_iter().flatten().collect())
}

/// Reads only what changed since the extract before. `None` if that is not enough: the API does not filter, or
/// records were deleted, which only the whole list tells.
async fn changes(
    work: &mut Work<'_>,
    path: &str,
    since: chrono::DateTime<chrono::Utc>,
) -> Result<Option<()>, ExtractError> {
    let run = work.run;
    match work.state.step {
        Step::Finished => return Ok(Some(())),
        Step::Begin if work.state.pass == 0 => work.begin_again(Mode::Changes)?,
        _ if work.state.mode != Mode::Changes => return Ok(None),
        _ => {}
    }
    let until = run.state.started_at + chrono::Duration::days(1);
    let forms = [
        (
            ChangesBy::Search,
            format!(
                "{path}search/?search=updated_at&min={}&max={}",
                since.timestamp(),
                until.timestamp()
            ),
        ),
        (
            ChangesBy::Filter,
            format!(
                "{path}?updated_at__gte={}",
                since.format("%Y-%m-%dT%H:%M:%SZ")
            ),
        ),
    ];
    let known = run.settings.capabilities.as_ref();
    let known = known.map(|known| known.changes);
    let mut is_read = false;
    for (by, form) in forms {
        if known.is_some_and(|known| known != by) {
            continue;
        }
        // A second's worth of rows is cut off by neither form.
        let oldest = since - chrono::Duration::seconds(1);
        match read_changes(work, &form, oldest).await {
            Ok(true) => {
                is_read = true;
                break;
            }
            Ok(false) => work.begin_again(Mode::Changes)?,
            Err(ExtractError::Api { source, .. })
                if matches!(
                    *source,
                    ApiError::NotFound { .. }
                        | ApiError::Shape { .. }
                        | ApiError::Status { status: 400, .. }
                ) =>
            {
                work.begin_again(Mode::Changes)?;
            }
            Err(error) => return Err(error),
        }
    }
    let Some(before) = run.base_ids(work.object.name)?.filter(|_| is_read) else {
        return Ok(None);
    };
    let fail = ExtractError::api(work.object.name);
    let answer = run.client.get(path).await.map_err(&fail)?;
    let count = answer.page("").map_err(&fail)?.count;
    let all = before.len() + work.ids.without(&before).len();
    if count != Some(all as u64) {
        return Ok(None);
    }
    work.state.count = count;
    for id in before.without(&work.ids) {
        work.ids.insert(id);
    }
    run.link_base_files(work.object.name)?;
    Ok(Some(()))
}

/// Reads a filtered list until a pass brings nothing new.
async fn read_changes(
    work: &mut Work<'_>,
    form: &str,
    oldest: chrono::DateTime<chrono::Utc>,
) -> Result<bool, ExtractError> {
    work.state.pass = work.state.pass.max(1);
    loop {
        if work.state.step != Step::Check && !read_pass(work, form, Some(oldest)).await? {
            return Ok(false);
        }
        let is_one_page = work.state.pages <= 1;
        if is_one_page || !work.state.news || work.state.pass >= most_passes(work) {
            return Ok(true);
        }
        work.next_pass()?;
    }
}
