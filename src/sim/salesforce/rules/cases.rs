//! Cases: the account of their contact, and when they are closed (`guide/salesforce.md` §6.1).

use super::super::change::RowError;
use super::super::view::instant;
use super::draft::Draft;
use super::rule::Rule;

pub(super) static CASE: Rule = Rule {
    before: Some(case),
    after: None,
    pairs: &[],
};

fn case(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() {
        return Ok(());
    }
    if (draft.inserting() || draft.sent("ContactId")) && !draft.sent("AccountId") {
        let contact = draft.referred("ContactId");
        if let Some(account) = contact
            .as_ref()
            .and_then(|contact| contact.get("AccountId"))
        {
            draft.set("AccountId", Some(account));
        }
    }
    if draft.inserting() || draft.sent("Status") {
        let status = draft.get("Status").unwrap_or_default();
        let status = draft.rows("CaseStatus", "MasterLabel", status);
        let closed = status.first().is_some_and(|status| status.is("IsClosed"));
        if !closed {
            draft.set("ClosedDate", None);
        } else if draft.before("IsClosed") != Some("true") {
            draft.set("ClosedDate", Some(&instant(draft.context().org.now())));
        }
        draft.set("IsClosed", Some(if closed { "true" } else { "false" }));
    }
    Ok(())
}
