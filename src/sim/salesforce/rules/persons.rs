//! Accounts that are persons, and their contacts (`guide/salesforce.md` §6.1).
//!
//! In: accounts and contacts of an org with person accounts. Out: a contact for each person, made, changed and deleted with
//! its account; refusals of what would make two things of one. The words about `Name` and `AccountId` were seen in real
//! answers, those about the person contact as well; that an account cannot change from one kind to the other is the
//! simulator's own limit, and refused by name.

use super::super::change::{Effect, EffectCell, RowError};
use super::super::options::Setting;
use super::super::persons::{default_type, mirrored, only_persons};
use super::addresses;
use super::draft::Draft;
use super::rule::Rule;
use super::written::Written;

const PERSON: &str = "IsPersonAccount";
const CODE: &str = "INVALID_PERSON_ACCOUNT_OPERATION";

/// Accounts of an org with person accounts.
pub(super) static ACCOUNT: Rule = Rule {
    before: Some(account),
    after: Some(account_written),
    pairs: &[],
};

fn account(draft: &mut Draft<'_>) -> Result<(), RowError> {
    let codes = Setting::StateAndCountryPicklists;
    if draft.context().org.options.is_on(codes) {
        addresses::check(draft)?;
    }
    if draft.deleting() {
        return Ok(());
    }
    if draft.inserting() && !draft.given("RecordTypeId") {
        let default = default_type(draft.model()).map(|one| one.id.to_string());
        draft.set("RecordTypeId", default.as_deref());
    }
    let person = draft
        .referred("RecordTypeId")
        .is_some_and(|one| one.is("IsPersonType"));
    if !draft.inserting() && draft.sent("RecordTypeId") && person != draft.is(PERSON) {
        let message = "the simulator does not turn business accounts into person accounts or back";
        return Err(RowError::on(CODE, message, &["RecordTypeId"]));
    }
    if !person {
        let names = ["FirstName", "LastName", "Salutation"].map(str::to_owned);
        let fields = names.into_iter().chain(only_persons().map(|(own, _)| own));
        let sent = fields.into_iter().find(|name| draft.given(name));
        return sent.map_or(Ok(()), |name| Err(RowError::not_writable(&name)));
    }
    if draft.sent("Name") {
        return Err(match draft.inserting() {
            true => RowError::not_writable("Name"),
            false => bad_name("Name"),
        });
    }
    let Some(last) = draft.get("LastName").map(str::to_owned) else {
        return Err(RowError::required(&["LastName"]));
    };
    let name = match draft.get("FirstName") {
        Some(first) => format!("{first} {last}"),
        None => last,
    };
    draft.set("Name", Some(&name));
    draft.set(PERSON, Some("true"));
    Ok(())
}

/// Makes the contact of a new person, or brings it in line.
fn account_written(written: &Written<'_>) -> Vec<Effect> {
    let (ours, theirs): (Vec<String>, Vec<&str>) = mirrored().unzip();
    let (mut made, mut owners, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for account in written.rows() {
        if account.gone() || account.after(PERSON) != Some("true") {
            continue;
        }
        let values = ours.iter().map(|name| {
            let text = account.after(name).unwrap_or_default();
            EffectCell::from(text)
        });
        match account.after("PersonContactId") {
            Some(contact) if ours.iter().any(|name| account.changed(name)) => {
                changed.push([contact.into()].into_iter().chain(values).collect());
            }
            Some(_) => {}
            None => {
                let own = [account.id.as_str().into(), "true".into()];
                made.push(own.into_iter().chain(values).collect::<Vec<_>>());
                owners.push(account.id.clone());
            }
        }
    }
    let mut effects = written.effects();
    let columns: Vec<&str> = ["AccountId", PERSON]
        .into_iter()
        .chain(theirs.clone())
        .collect();
    let effect = effects.insert("Contact", &columns, made);
    let known = owners.into_iter().enumerate();
    let known = known.map(|(row, id)| vec![id.into(), EffectCell::Made { effect, row }]);
    effects.update("Account", &["Id", "PersonContactId"], known.collect());
    let columns: Vec<&str> = ["Id"].into_iter().chain(theirs).collect();
    effects.update("Contact", &columns, changed);
    effects.list()
}

/// What a contact may not have to do with persons.
pub(super) fn contact(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.context().trusted {
        return Ok(());
    }
    if draft.before(PERSON) == Some("true") {
        if draft.deleting() {
            let message = "the contact of a person account goes with the account only";
            return Err(RowError::new(CODE, message));
        }
        if draft.sent("AccountId") {
            return Err(bad_name("AccountId"));
        }
        if draft.sent("RecordTypeId") {
            let message = "insufficient access rights on object id";
            return Err(RowError::new("INSUFFICIENT_ACCESS_OR_READONLY", message));
        }
        return Ok(());
    }
    let refers = !draft.deleting() && (draft.inserting() || draft.sent("AccountId"));
    let account = refers.then(|| draft.referred("AccountId")).flatten();
    if account.is_some_and(|account| account.is(PERSON)) {
        return Err(RowError::on(
            CODE,
            "cannot reference person account",
            &["AccountId"],
        ));
    }
    Ok(())
}

/// Brings the accounts of person contacts in line.
pub(super) fn contact_written(written: &Written<'_>) -> Vec<Effect> {
    let (ours, theirs): (Vec<String>, Vec<&str>) = mirrored().unzip();
    let mut changed = Vec::new();
    for contact in written.rows() {
        let person = contact.after(PERSON) == Some("true");
        let touched = theirs.iter().any(|name| contact.changed(name));
        let (true, false, true, Some(account)) =
            (person, contact.created, touched, contact.after("AccountId"))
        else {
            continue;
        };
        let name = [contact.after("FirstName"), contact.after("LastName")];
        let name: Vec<&str> = name.into_iter().flatten().collect();
        let values = theirs.iter();
        let values = values.map(|name| contact.after(name).unwrap_or_default().to_owned());
        let own = [account.to_owned(), name.join(" ")];
        changed.push(own.into_iter().chain(values).collect());
    }
    let mut effects = written.effects();
    let columns: Vec<&str> = ["Id", "Name"]
        .into_iter()
        .chain(ours.iter().map(String::as_str))
        .collect();
    effects.update("Account", &columns, changed);
    effects.list()
}

/// A field that a person account has from its own parts.
fn bad_name(field: &str) -> RowError {
    let message = format!("Account: bad field names on insert/update call: {field}");
    RowError::on("INVALID_FIELD_FOR_INSERT_UPDATE", message, &[field])
}
