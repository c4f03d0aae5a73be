//! The tables of a migration, ready to be asked without the destination.
//!
//! In: a project and the name of a destination. Out: a session with every table and view of the organisation that the last
//! run against it met; what a run that has not come to its end was answered so far is in `ledger.attempts` and `ledger.runs`. It
//! never connects, and it writes nothing.

use datafusion::common::ScalarValue;

use super::asked::{Asked, Unavailable};
use super::mapped;
use super::open::Migration;
use super::papers;
use super::run_log::Lacking;
use super::status::organisations;
use crate::engine::{Session, View};
use crate::error::Error;
use crate::load::{RunState, attempts_with, remedies};
use crate::mapping::{FieldMap, mapped_views};
use crate::reconcile::union_views;
use crate::staging::{Snapshot, Staging};

impl Migration {
    /// Opens every table and view there is, of the organisation of the last run against `target`, else of the last run at all. A view that cannot be made takes nothing away from the others.
    ///
    /// # Errors
    /// The staging area cannot be read, or nothing was run against `target`.
    pub async fn ask(&self, target: Option<&str>) -> Result<Asked, Error> {
        let (organisation, note) = self.asked_organisation(target).await?;
        let mut asked = self.ask_organisation(organisation).await?;
        asked.note = note;
        Ok(asked)
    }

    /// Opens every table and view of an organisation, or those that no organisation has a part in.
    pub(super) async fn ask_organisation(
        &self,
        organisation: Option<String>,
    ) -> Result<Asked, Error> {
        let staging = match organisation {
            Some(id) => self.staging().with_org(&id),
            None => self.staging().clone(),
        };
        let mut snapshot = staging.snapshot().await?;
        let lacking = match staging.org() {
            Some(_) => Lacking::find(self.engine(), &staging, &snapshot).await,
            None => Ok(None),
        };
        if let Ok(Some(lacking)) = &lacking {
            let phases = lacking
                .records
                .iter()
                .flat_map(|run| RunState::of(run).phases);
            for phase in phases.filter(|phase| phase.loaded.is_none()) {
                if let Some(attempts) = attempts_with(&snapshot, &phase) {
                    snapshot.insert(attempts);
                }
            }
        }
        let (session, mut unavailable) = self.session(&staging, &snapshot).await?;
        let shown = match lacking {
            Ok(Some(lacking)) => lacking.show(&session, &snapshot).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = shown {
            unavailable.push(Unavailable {
                prefix: "ledger.runs".to_owned(),
                error,
            });
        }
        Ok(Asked {
            staging,
            snapshot,
            session,
            unavailable,
            note: None,
        })
    }

    pub(super) async fn asked_organisation(
        &self,
        target: Option<&str>,
    ) -> Result<(Option<String>, Option<String>), Error> {
        let mut known = organisations(self.staging()).await?;
        // None, that is an organisation without a run, sorts first.
        known.sort_by(|left, right| left.last_run.cmp(&right.last_run));
        let chosen = match target {
            None => known.last(),
            Some(name) => {
                let (name, _) = self.config().target(Some(name))?;
                let mut against = known.iter().rev();
                let found = against.find(|known| known.target.as_deref() == Some(name));
                match found {
                    None if self.config().destinations.len() > 1 => {
                        return Err(Error::NotYet {
                            what: format!("nothing has been run against {name} so far"),
                            hint: "`transload status` lists the runs there are".to_owned(),
                        });
                    }
                    None => known.last(),
                    found => found,
                }
            }
        };
        let note = chosen.filter(|_| known.len() > 1).map(|organisation| {
            let target = organisation.target.as_deref().unwrap_or("no run so far");
            format!("asking organisation {} ({target})", organisation.id)
        });
        Ok((chosen.map(|organisation| organisation.id.clone()), note))
    }

    async fn session(
        &self,
        staging: &Staging,
        snapshot: &Snapshot,
    ) -> Result<(Session, Vec<Unavailable>), Error> {
        let mut parameters = self.config().options.parameters();
        let size = self.config().source.database_size;
        let size = ScalarValue::Int64(size.and_then(|size| i64::try_from(size).ok()));
        parameters.insert("database_size".to_owned(), size);
        let session = self.engine().session(staging, snapshot)?;
        let session = session.with_parameters(parameters);
        let mut unavailable = Vec::new();
        let mut missing =
            |prefix: String, error: Error| unavailable.push(Unavailable { prefix, error });
        let mapped = FieldMap::load(&self.config().project)
            .and_then(|map| mapped_views(self.config(), &map, snapshot));
        let views = match mapped {
            Ok(views) => views,
            Err(error) => {
                missing("mapped.".to_owned(), error.into());
                Vec::new()
            }
        };
        for view in &views {
            if let Err(error) = mapped::add(&session, self.config(), view).await {
                missing(format!("{}.{}", view.schema, view.name), error);
            }
        }
        let mut views = union_views(snapshot);
        views.extend(papers::steps(snapshot));
        views.extend(papers::views(snapshot));
        views.push(View {
            schema: "recon".to_owned(),
            name: "remedies".to_owned(),
            sql: remedies(),
        });
        for view in &views {
            if let Err(error) = session.add_view(view).await {
                missing(format!("{}.{}", view.schema, view.name), error.into());
            }
        }
        Ok((session, unavailable))
    }
}
