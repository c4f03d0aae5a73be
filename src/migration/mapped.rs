//! A view of `mapped.*` in a session; what is wrong with a rule of `[scope]` is told as that rule's error and not the view's.

use crate::config::Config;
use crate::engine::{Session, View};
use crate::error::Error;
use crate::mapping::scope_rule;

/// Adds a view.
pub(super) async fn add(session: &Session, config: &Config, view: &View) -> Result<(), Error> {
    let Err(error) = session.add_view(view).await else {
        return Ok(());
    };
    if let Some((name, sql)) = scope_rule(config, &view.name) {
        session.plan(&name, &sql).await?;
    }
    Err(error.into())
}
