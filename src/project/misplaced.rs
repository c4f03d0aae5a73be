//! Query files of a project at places where nothing reads them.
//!
//! In: the project's folder `queries/`. Out: an error for each file that looks like a query and is none, with the place where it
//! would be read. Never: a word about notes, pictures and what editors leave behind.

use std::path::Path;

use super::ProjectError;
use super::query_file::FOLDERS;
use crate::config::nearest;

/// Folders of questions that a cutover or a document asks.
const ASKED: [&str; 2] = ["cutover", "report"];

/// Every misplaced file, by path.
pub(super) fn misplaced(root: &Path) -> Vec<ProjectError> {
    let mut found = Vec::new();
    walk(root, &mut Vec::new(), &mut found);
    found.sort_by_key(|error| error.place().0.to_owned());
    found
}

fn walk(folder: &Path, below: &mut Vec<String>, found: &mut Vec<ProjectError>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // What editors and systems leave behind is nobody's query.
        if name.starts_with(['.', '~', '#']) || name.ends_with('~') {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            below.push(name);
            walk(&path, below, found);
            below.pop();
        } else if let Some((reason, nearest)) = reason(below, &name) {
            let folder = below.iter().map(|part| format!("{part}/"));
            found.push(ProjectError::Misplaced {
                path: format!("queries/{}{name}", folder.collect::<String>()),
                reason,
                nearest,
            });
        }
    }
}

/// Why nothing reads a file, and where it would be read; none for what is read or is no query.
fn reason(folders: &[String], name: &str) -> Option<(String, Option<String>)> {
    let lower = name.to_lowercase();
    let stem = lower.split('.').next().unwrap_or_default();
    if !lower.contains(".sql") && !lower.contains(".soql") {
        return None;
    }
    // Evidence of the checklist and parts of documents are asked by their own names.
    let is_asked = folders
        .first()
        .is_some_and(|folder| ASKED.contains(&folder.as_str()));
    if is_asked && name.ends_with(".sql") {
        return None;
    }
    let inner = folders.get(1..).unwrap_or_default();
    let at = |kind: &str, ending: &str| {
        let inner: String = inner.iter().map(|part| format!("{part}/")).collect();
        Some(format!("queries/{kind}/{inner}{stem}.{ending}"))
    };
    let known = FOLDERS.map(|kind| kind.folder());
    let Some(kind) = FOLDERS
        .iter()
        .find(|kind| folders.first().map(String::as_str) == Some(kind.folder()))
    else {
        let reason = format!("queries are in the folders {}", known.join(", "));
        let near = folders
            .first()
            .and_then(|folder| nearest(&folder.to_lowercase(), known.into_iter()));
        let near = near.and_then(|near| {
            let kind = FOLDERS.iter().find(|kind| kind.folder() == near)?;
            at(&near, kind.ending())
        });
        return Some((reason, near));
    };
    let ending = format!(".{}", kind.ending());
    (!name.ends_with(&ending)).then(|| {
        let reason = format!("the name of a query in {} ends in {ending}", kind.folder());
        (reason, at(kind.folder(), kind.ending()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_reads_is_named_with_the_place_where_it_would_be_read() {
        let project = tempfile::tempdir().unwrap();
        let files = [
            "loads/account.sql",
            "load/lead.SQL",
            "load/ours/deal.sql.txt",
            "load/contact.sql",
            "org/users.sql",
            "cutover/companies.sql",
            "mine.sql",
            "internal/users.soql",
            "README.md",
            "load/.account.sql.swp",
            "prepare/people/person.sql",
        ];
        for file in files {
            let path = project.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "select 1").unwrap();
        }
        let found = misplaced(project.path());
        let found: Vec<String> = found
            .iter()
            .map(|error| format!("{error} / {}", error.hint().unwrap_or_default()))
            .collect();
        let other = "queries are in the folders org, prepare, load, checks, reconcile";
        let sql = "the name of a query in load ends in .sql";
        assert_eq!(
            found,
            [
                format!("queries/internal/users.soql is read by nothing: {other} / "),
                format!("queries/load/lead.SQL is read by nothing: {sql} / did you mean queries/load/lead.sql?"),
                format!("queries/load/ours/deal.sql.txt is read by nothing: {sql} / did you mean queries/load/ours/deal.sql?"),
                format!("queries/loads/account.sql is read by nothing: {other} / did you mean queries/load/account.sql?"),
                format!("queries/mine.sql is read by nothing: {other} / "),
                "queries/org/users.sql is read by nothing: the name of a query in org ends in .soql / did you mean queries/org/users.soql?".to_owned(),
            ]
        );
    }
}
