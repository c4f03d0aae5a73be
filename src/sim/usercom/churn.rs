//! Rows that change by themselves while somebody pages.
//!
//! In: a page of a list that was just answered. Out: now and then a change of a row of the same list, so chosen that rows
//! shift between pages: what comes to the front is taken from the back half, what goes from the front half.

use super::account::Account;
use super::changes::{Change, apply};
use super::error::UsercomSimError;
use super::lock::lock;
use super::objects::Object;
use super::options::ChangeKind;

/// Lists that change.
const LIVELY: [Object; 5] = [
    Object::People,
    Object::Companies,
    Object::Deals,
    Object::Activities,
    Object::Conversations,
];

/// Notes a page, and changes a row if it is time.
pub(super) fn after_page(account: &Account, object: Object) -> Result<(), UsercomSimError> {
    let (every, kinds) = {
        let now = account.now();
        (now.churn, now.churn_kinds.clone())
    };
    let Some(every) = every.filter(|every| *every > 0 && LIVELY.contains(&object)) else {
        return Ok(());
    };
    let turn = {
        let mut pages = lock(&account.pages);
        pages.answered += 1;
        if !pages.answered.is_multiple_of(every) {
            return Ok(());
        }
        pages.changes += 1;
        pages.changes
    };
    let kind = kinds.get((turn as usize).wrapping_sub(1) % kinds.len().max(1));
    let kind = kind.copied().unwrap_or(ChangeKind::Move);
    let (id, row) = {
        let table = account.table(object);
        let half = (table.len() / 2).max(1);
        let chosen = (xxhash_rust::xxh3::xxh3_64(&turn.to_le_bytes()) as usize) % half;
        let from = match kind {
            ChangeKind::Delete => chosen,
            _ => table.len().saturating_sub(1 + chosen),
        };
        let Some(place) = table.page(from, 1).first().copied() else {
            return Ok(());
        };
        let row = (kind == ChangeKind::Insert)
            .then(|| table.read(place))
            .transpose()?;
        (table.id(place), row)
    };
    let mut change = Change {
        object: object.name().to_owned(),
        action: kind,
        id: Some(id),
        fields: None,
    };
    if let Some(mut row) = row {
        for key in ["id", "custom_id", "user_key", "created_at", "updated_at"] {
            row.take(key);
        }
        change.id = None;
        change.fields = Some(row);
    }
    apply(account, change)?;
    Ok(())
}
