//! Territories and what belongs to them. The reference has the names of the objects only; duplicates are refused.

use super::super::change::RowError;
use super::draft::Draft;
use super::rule::{Pair, Refusal, Rule};

pub(super) static TERRITORY: Rule = Rule {
    before: Some(territory),
    after: None,
    pairs: &[],
};

pub(super) static OBJECT: Rule = Rule {
    before: Some(object),
    after: None,
    pairs: &[Pair {
        fields: &["ObjectId", "Territory2Id"],
        refusal: Refusal::Value,
    }],
};

pub(super) static USER: Rule = Rule {
    before: None,
    after: None,
    pairs: &[Pair {
        fields: &["UserId", "Territory2Id"],
        refusal: Refusal::Value,
    }],
};

/// Seed files know no ids: their territories belong to the active model and the first type.
fn territory(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.inserting() && draft.context().trusted {
        for (field, object) in [
            ("Territory2ModelId", "Territory2Model"),
            ("Territory2TypeId", "Territory2Type"),
        ] {
            let number = draft.model().schema.position(object);
            if let Some(number) = number.filter(|_| !draft.given(field)) {
                let first = draft.model().id(number, 0).to_string();
                draft.set(field, Some(&first));
            }
        }
    }
    Ok(())
}

fn object(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if !draft.deleting() {
        draft.set("SobjectType", Some("Account"));
    }
    Ok(())
}
