//! The engine: applies changes, and the effects that follow from them.
//!
//! In: a [`Writer`] and up to a few hundred rows of cells. Out: one [`Outcome`] per row, in their order; what rules want
//! done because of it is done before this returns. Rules and cascades only say what follows ([`Effect`]); nothing but
//! this file carries it out, each effect being a change that may have effects of its own.

use std::io;
use std::sync::Arc;

use super::super::cascade;
use super::super::change::{Batch, Cell, Column, Effect, EffectCell, Operation, Outcome};
use super::super::rules;
use super::super::store::Mark;
use super::check::check;
use super::chunk::Chunk;
use super::locking::hold;
use super::prepare::prepare;
use super::writer::{Scope, Writer};

/// Rows of an effect written at a time.
const CHUNK: usize = 200;

/// Objects whose rows others are worked out from.
const REMEMBERED: [&str; 4] = [
    "PermissionSet",
    "PermissionSetAssignment",
    "OpportunityStage",
    "RecordType",
];

/// Applies a chunk. `mark` makes the mark of a Bulk job's chunk out of the outcomes, to be logged with it.
pub(crate) fn apply(
    writer: &Writer,
    batch: &Batch<'_>,
    mark: impl FnOnce(&[Outcome]) -> Option<Mark>,
) -> io::Result<Vec<Outcome>> {
    let mut prepared = prepare(writer, batch);
    if let Some(holder) = &writer.holder {
        hold(writer, holder, &mut prepared);
    }
    check(writer, &mut prepared);
    let mut chunk = Chunk::begin(writer, &prepared);
    let outcomes = chunk.rows();
    let mark = mark(&outcomes);
    chunk.commit(mark.as_ref())?;
    let object = writer.model.schema.object(writer.object);
    if REMEMBERED.contains(&object.name.as_str()) {
        writer.org.forget();
    }
    if matches!(writer.operation, Operation::Delete | Operation::HardDelete) {
        take_along(writer, writer.operation, &outcomes)?;
    }
    follow(writer, &outcomes)?;
    if let Some(holder) = &writer.holder {
        holder.written();
    }
    Ok(outcomes)
}

/// Takes back what a chunk did; rows that were made because of it go again.
pub(crate) fn undo(writer: &Writer, outcomes: &[Outcome]) -> io::Result<()> {
    let (_, table) = writer.model.at(writer.object);
    let mut change = table.begin();
    let (mut undone, mut created) = (Vec::new(), Vec::new());
    for outcome in outcomes.iter().rev() {
        if let Outcome::Done {
            position,
            before,
            created: new,
        } = outcome
        {
            let written = change.rows().get(*position).cloned();
            change.set(*position, before.clone());
            let outcome = Outcome::Done {
                position: *position,
                created: false,
                before: written,
            };
            if *new {
                created.push(outcome.clone());
            }
            undone.push(outcome);
        }
    }
    change.commit(None)?;
    take_along(writer, Operation::HardDelete, &created)?;
    follow(writer, &undone)
}

/// Carries out what the rule of the object wants done.
fn follow(writer: &Writer, outcomes: &[Outcome]) -> io::Result<()> {
    let rule = writer.rule.and_then(|rule| rule.after);
    let effects = rule.map(|after| after(&rules::Written::new(writer.context(), outcomes)));
    carry_out(writer, &effects.unwrap_or_default())
}

/// Children go with their parents, or lose their reference. What one kind of children takes along, the next does not
/// meet any more.
fn take_along(writer: &Writer, operation: Operation, outcomes: &[Outcome]) -> io::Result<()> {
    for child in cascade::children(&writer.model, writer.object) {
        let parent = writer.object;
        let effect = cascade::effect(&writer.model, &child, parent, operation, outcomes);
        carry_out(writer, effect.as_slice())?;
    }
    Ok(())
}

/// Carries out effects one after the other. Rows that are refused are left out: they are not the caller's rows.
fn carry_out(cause: &Writer, effects: &[Effect]) -> io::Result<()> {
    let mut made: Vec<Vec<Option<String>>> = Vec::with_capacity(effects.len());
    for effect in effects {
        let ids = write(cause, effect, &made)?;
        made.push(ids);
    }
    Ok(())
}

/// Writes the rows of an effect; returns the ids of those that landed, by row.
fn write(
    cause: &Writer,
    effect: &Effect,
    made: &[Vec<Option<String>>],
) -> io::Result<Vec<Option<String>>> {
    let mut ids = vec![None; effect.rows.len()];
    if effect.rows.is_empty() {
        return Ok(ids);
    }
    let model = &cause.model;
    let scope = Scope {
        org: &cause.org,
        model: Arc::clone(model),
        access: None,
        user: effect.user.unwrap_or(cause.user),
        trusted: true,
    };
    let columns: Vec<Column> = effect.columns.clone();
    let writer = Writer::new(scope, effect.object, effect.operation, columns).following();
    let writer = if effect.ruled { writer } else { writer.plain() };
    let empty = match effect.operation {
        Operation::Insert => Cell::Absent,
        _ => Cell::Null,
    };
    let cell = |value| match value {
        "" => empty,
        text => Cell::Text(text),
    };
    let rows = effect.rows.iter().enumerate();
    let rows: Vec<(usize, Vec<&str>)> = rows
        .filter_map(|(at, row)| Some((at, texts(row, made)?)))
        .collect();
    for rows in rows.chunks(CHUNK) {
        let cells = rows
            .iter()
            .flat_map(|(_, row)| row.iter().copied().map(cell));
        let cells: Vec<Cell<'_>> = cells.collect();
        let outcomes = apply(&writer, &Batch { cells: &cells }, |_| None)?;
        for ((at, _), outcome) in rows.iter().zip(outcomes) {
            match outcome {
                Outcome::Done { position, .. } => {
                    ids[*at] = Some(model.id(effect.object, position).to_string());
                }
                Outcome::Failed { error, .. } => {
                    let object = &model.schema.object(effect.object).name;
                    tracing::warn!(object, %error, "a row that follows from another one was refused");
                }
            }
        }
    }
    Ok(ids)
}

/// The texts of a row, unless it refers to one that was not made.
fn texts<'a>(row: &'a [EffectCell], made: &'a [Vec<Option<String>>]) -> Option<Vec<&'a str>> {
    let texts = row.iter().map(|cell| match cell {
        EffectCell::Text(text) => Some(text.as_str()),
        EffectCell::Made { effect, row } => made.get(*effect)?.get(*row)?.as_deref(),
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::change::Effects;
    use super::super::super::options::SalesforceSimOptions;
    use super::super::super::org::Org;
    use super::super::super::{setup, upkeep};
    use super::*;

    fn org(folder: &tempfile::TempDir) -> Arc<Org> {
        let options = SalesforceSimOptions {
            state: folder.path().to_owned(),
            ..SalesforceSimOptions::default()
        };
        setup::open(options).unwrap()
    }

    fn writer(org: &Arc<Org>, object: &str) -> Writer {
        let object = org.model().schema.position(object).unwrap();
        Writer::new(Scope::trusted(org), object, Operation::Insert, Vec::new())
    }

    #[test]
    fn effect_refers_to_a_row_of_an_earlier_one_unless_that_was_refused() {
        let folder = tempfile::tempdir().unwrap();
        let org = org(&folder);
        let cause = writer(&org, "Account");
        let mut effects = Effects::new(&cause.model);
        let effect = effects.insert("Account", &["Name"], vec![vec!["A"], vec![""]]);
        let contact = |name: &str, row| vec![name.into(), EffectCell::Made { effect, row }];
        let contacts = vec![contact("one", 0), contact("other", 1)];
        effects.insert("Contact", &["LastName", "AccountId"], contacts);
        carry_out(&cause, &effects.list()).unwrap();
        let model = org.model();
        let account = model.rows_with("Account", &[("Name", "A")])[0].to_string();
        let keys = [("LastName", "one"), ("AccountId", account.as_str())];
        assert_eq!(model.rows_with("Contact", &keys).len(), 1);
        assert_eq!(model.rows_with("Contact", &[]).len(), 1);
    }

    #[test]
    fn effect_on_what_the_org_does_not_have_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let org = org(&folder);
        let cause = writer(&org, "Account");
        let mut effects = Effects::new(&cause.model);
        effects.insert("Nothing__c", &["Name"], vec![vec!["x"]]);
        effects.insert("Account", &["Nothing__c", "Name"], vec![vec!["x", "A"]]);
        let list = effects.list();
        assert_eq!((list[0].rows.len(), list[1].columns.len()), (0, 1));
        carry_out(&cause, &list).unwrap();
        let rows = org.model().rows_with("Account", &[("Name", "A")]);
        assert_eq!(rows.len(), 1);
    }

    #[test]
    fn rule_says_what_follows_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let org = org(&folder);
        let cause = writer(&org, "Campaign");
        let outcome = upkeep::insert(&org, "Campaign", &[("Name", "C")]).unwrap();
        let statuses = || org.model().rows_with("CampaignMemberStatus", &[]).len();
        let before = statuses();
        let outcomes = [outcome.unwrap()];
        let after = cause.rule.and_then(|rule| rule.after).unwrap();
        let effects = after(&rules::Written::new(cause.context(), &outcomes));
        assert_eq!((effects.len(), effects[0].rows.len()), (1, 2));
        assert_eq!(effects[0].operation, Operation::Insert);
        assert_eq!(statuses(), before);
    }
}
