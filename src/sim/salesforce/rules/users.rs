//! Users: each is assigned the permission set that its profile owns.

use super::super::change::Effect;
use super::super::model::Model;
use super::rule::Rule;
use super::written::Written;

pub(super) static USER: Rule = Rule {
    before: None,
    after: Some(assign),
    pairs: &[],
};

const ASSIGNMENT: &str = "PermissionSetAssignment";

fn assign(written: &Written<'_>) -> Vec<Effect> {
    let (model, mut effects) = (written.model(), written.effects());
    let moved = written.rows().into_iter();
    for user in moved.filter(|user| !user.gone() && user.changed("ProfileId")) {
        if let Some(old) = user.before("ProfileId").and_then(|old| set_of(model, old)) {
            let keys = [("AssigneeId", user.id.as_str()), ("PermissionSetId", &old)];
            let assigned = model.rows_with(ASSIGNMENT, &keys);
            let assigned = assigned.iter().map(ToString::to_string).collect();
            effects.purge(ASSIGNMENT, assigned);
        }
        if let Some(set) = user.after("ProfileId").and_then(|new| set_of(model, new)) {
            let columns = ["PermissionSetId", "AssigneeId"];
            effects.insert(ASSIGNMENT, &columns, vec![vec![set, user.id]]);
        }
    }
    effects.by(written.context().org.user).list()
}

/// The set that a profile owns.
pub(crate) fn set_of(model: &Model, profile: &str) -> Option<String> {
    let sets = model.rows_with("PermissionSet", &[("ProfileId", profile)]);
    sets.first().map(ToString::to_string)
}
