//! `[engine]`: where models and outboxes are computed. Without the section it is this machine.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

/// Which engine computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// The one of this program.
    #[default]
    Local,
    /// A Ballista cluster.
    Ballista,
}

/// The section as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EngineSection {
    kind: Kind,
    scheduler: Option<Url>,
    partitions: Option<usize>,
    from_rows: Option<u64>,
    timeout_minutes: Option<u64>,
}

/// A cluster that computes models and outboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Address of its scheduler.
    pub scheduler: Url,
    /// Parts that the rows of a step are dealt into.
    pub partitions: usize,
    /// Rows of a step's inputs from which it is sent there; fewer are computed sooner than sent.
    pub from_rows: u64,
    /// How long one step may take there.
    pub timeout: Duration,
}

impl EngineSection {
    /// The cluster, if there is one.
    pub(super) fn cluster(self) -> Result<Option<Cluster>, (&'static str, String)> {
        if self.kind == Kind::Local {
            return Ok(None);
        }
        if !cfg!(feature = "ballista") {
            let reason = "this program was built without it: install it with `cargo install --path . --features ballista`";
            return Err(("kind", reason.to_owned()));
        }
        let scheduler = self.scheduler.filter(|url| {
            url.scheme() == "http" && url.host().is_some() && matches!(url.path(), "" | "/")
        });
        let Some(scheduler) = scheduler else {
            let reason = "must be the address of the scheduler, such as \"http://host:50050\"";
            return Err(("scheduler", reason.to_owned()));
        };
        let partitions = self.partitions.unwrap_or(8);
        if !(1..=1024).contains(&partitions) {
            return Err(("partitions", "must be between 1 and 1024".to_owned()));
        }
        let minutes = self.timeout_minutes.unwrap_or(60);
        if !(1..=1440).contains(&minutes) {
            let reason = "must be between 1 and 1440, a day";
            return Err(("timeout_minutes", reason.to_owned()));
        }
        Ok(Some(Cluster {
            scheduler,
            partitions,
            from_rows: self.from_rows.unwrap_or(100_000),
            timeout: Duration::from_secs(minutes * 60),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(text: &str) -> Result<Option<Cluster>, &'static str> {
        let section: EngineSection = toml::from_str(text).unwrap();
        section.cluster().map_err(|(key, _)| key)
    }

    #[test]
    fn the_engine_is_this_machine_unless_a_scheduler_is_named() {
        assert_eq!(cluster(""), Ok(None));
        assert_eq!(
            cluster("kind = \"local\"\nscheduler = \"http://a:50050\""),
            Ok(None)
        );
        assert!(toml::from_str::<EngineSection>("kind = \"spark\"").is_err());
        let known = "kind = \"ballista\"\nscheduler = \"http://a:50050\"";
        if !cfg!(feature = "ballista") {
            assert_eq!(cluster(known), Err("kind"));
            return;
        }
        let found = cluster(known).unwrap().unwrap();
        assert_eq!((found.partitions, found.from_rows), (8, 100_000));
        assert_eq!(cluster("kind = \"ballista\""), Err("scheduler"));
        assert_eq!(
            cluster("kind = \"ballista\"\nscheduler = \"a:50050\""),
            Err("scheduler")
        );
        assert_eq!(
            cluster(&format!("{known}\npartitions = 0")),
            Err("partitions")
        );
        assert_eq!(
            cluster(&format!("{known}\ntimeout_minutes = 0")),
            Err("timeout_minutes")
        );
    }
}
