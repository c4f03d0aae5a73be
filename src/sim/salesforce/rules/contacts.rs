//! Contacts and the accounts they are related to (`guide/salesforce.md` §6.1).
//!
//! In: contacts that were written. Out: one direct relation per contact with an account, kept by the org itself. That the
//! old direct relation goes when the account changes is a setting of the real service; the simulator has it off.

use super::super::change::{Effect, RowError};
use super::super::options::{Feature, Setting};
use super::draft::Draft;
use super::rule::{Pair, Refusal, Rule, integrity};
use super::written::Written;
use super::{addresses, persons};

pub(super) static CONTACT: Rule = Rule {
    before: None,
    after: Some(contact_written),
    pairs: &[],
};

/// In an org with codes of countries, or with person accounts.
pub(super) static CONTACT_WITH_SETTINGS: Rule = Rule {
    before: Some(contact),
    after: Some(contact_written),
    pairs: &[],
};

pub(super) static RELATION: Rule = Rule {
    before: Some(relation),
    after: None,
    pairs: &[Pair {
        fields: &["ContactId", "AccountId"],
        // The code is INF, the text is what the real form shows.
        refusal: Refusal::Text(
            "DUPLICATE_VALUE",
            "This contact already has a relationship with this account.",
        ),
    }],
};

fn contact(draft: &mut Draft<'_>) -> Result<(), RowError> {
    let options = &draft.context().org.options;
    if options.is_on(Setting::StateAndCountryPicklists) {
        addresses::check(draft)?;
    }
    match options.is_on(Setting::PersonAccounts) {
        true => persons::contact(draft),
        false => Ok(()),
    }
}

fn contact_written(written: &Written<'_>) -> Vec<Effect> {
    let options = &written.context().org.options;
    let mut effects = match options.is_on(Setting::PersonAccounts) {
        true => persons::contact_written(written),
        false => Vec::new(),
    };
    if options.has(Feature::ContactsToMultipleAccounts) {
        effects.extend(relations(written));
    }
    effects
}

/// A person is its own account, and needs no relation to it.
fn relations(written: &Written<'_>) -> Vec<Effect> {
    let (mut made, mut direct, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    let rows = written.rows();
    for contact in rows
        .iter()
        .filter(|row| !row.gone() && row.changed("AccountId"))
        .filter(|row| row.after("IsPersonAccount") != Some("true"))
    {
        let relations = if contact.created {
            Vec::new()
        } else {
            written.find("AccountContactRelation", "ContactId", &contact.id)
        };
        let account = contact.after("AccountId");
        for relation in &relations {
            if relation.get("AccountId") == account {
                direct.push(vec![relation.id.clone(), "true".to_owned()]);
            } else if relation.is("IsDirect") {
                gone.push(relation.id.clone());
            }
        }
        let known = relations
            .iter()
            .any(|relation| relation.get("AccountId") == account);
        if let Some(account) = account.filter(|_| !known) {
            let values = [contact.id.as_str(), account, "true"];
            made.push(values.map(str::to_owned).to_vec());
        }
    }
    let mut effects = written.effects();
    effects.delete("AccountContactRelation", gone);
    effects.update("AccountContactRelation", &["Id", "IsDirect"], direct);
    let columns = ["ContactId", "AccountId", "IsDirect"];
    effects.insert("AccountContactRelation", &columns, made);
    effects.list()
}

/// Users make and delete indirect relations only.
fn relation(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.context().trusted {
        return Ok(());
    }
    if draft.deleting() {
        if draft.before("IsDirect") == Some("true") {
            let message = "a direct relationship cannot be deleted; change the contact's account";
            return Err(RowError::new("DELETE_FAILED", message));
        }
        return Ok(());
    }
    if !draft.inserting() {
        return Ok(());
    }
    let private = draft
        .referred("ContactId")
        .is_some_and(|contact| contact.get("AccountId").is_none());
    if private {
        let message = "a contact without an account cannot be related to other accounts";
        return Err(integrity(message, &["ContactId"]));
    }
    Ok(())
}
