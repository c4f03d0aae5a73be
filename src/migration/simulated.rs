//! The embedded simulator as a thing that can be thrown away.
//!
//! In: a destination of kind simulator. Out: its state and the note of which org it was are gone. Never: a real org's.

use super::connection::state_of;
use super::first_error::first;
use super::open::Migration;
use crate::config::DestinationKind;
use crate::error::Error;

impl Migration {
    /// Throws the simulated org of a destination away; its name, and whether there was one. The next run makes a new one and reads
    /// the seed again.
    ///
    /// # Errors
    /// The destination is no simulator, or another command is at work.
    pub async fn reset_simulator(&self, target: Option<&str>) -> Result<(String, bool), Error> {
        let project = self.project();
        let (name, destination) = project.config.target(target)?;
        if destination.kind != DestinationKind::Simulator {
            return Err(Error::Argument {
                what: format!("{name} is no simulator"),
                hint: "`sim reset` takes a destination with kind = \"simulator\"; a served simulator is new in another --state"
                    .to_owned(),
            });
        }
        let lease = project.staging.lease("sim reset").await?;
        let reset = async {
            let state = state_of(project, name);
            let there = match std::fs::remove_dir_all(&state) {
                Ok(()) => true,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
                Err(source) => {
                    return Err(Error::File {
                        action: "remove",
                        path: state.display().to_string(),
                        source,
                    });
                }
            };
            let note = project.staging.absolute(&format!("targets/{name}"));
            match project.staging.delete(&note).await {
                Err(error) if !error.is_not_found() => Err(error.into()),
                _ => Ok((name.to_owned(), there)),
            }
        }
        .await;
        let released = lease.release().await.map_err(Error::from);
        Ok(first(reset, released)?.0)
    }
}
