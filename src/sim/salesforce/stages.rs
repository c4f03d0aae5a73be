//! What a stage means: closed, won, probability, forecast category.
//!
//! In: the rows of `OpportunityStage`. Out: [`Stages`], looked up by name. A stage that is no row of it is accepted (the
//! picklist is unrestricted, `guide/salesforce.md` §7) and means "open, 0 %, Pipeline", which is a guess.

use std::collections::HashMap;

use super::model::Model;
use super::store::Row;

/// One stage.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) closed: bool,
    pub(crate) won: bool,
    pub(crate) probability: String,
    /// API form, such as `BestCase`.
    pub(crate) forecast: String,
    /// Shown form, such as `Best Case`.
    pub(crate) forecast_name: String,
}

/// All stages of the org.
#[derive(Debug)]
pub(crate) struct Stages {
    by_name: HashMap<String, Stage>,
    unknown: Stage,
}

impl Default for Stages {
    fn default() -> Self {
        Self {
            by_name: HashMap::new(),
            unknown: Stage {
                closed: false,
                won: false,
                probability: "0".to_owned(),
                forecast: "Pipeline".to_owned(),
                forecast_name: "Pipeline".to_owned(),
            },
        }
    }
}

impl Stages {
    /// Reads the stages of an org.
    pub(crate) fn read(model: &Model) -> Self {
        let mut stages = Self::default();
        let Some((object, table)) = model.table("OpportunityStage") else {
            return stages;
        };
        let rows: Vec<Row> = {
            let rows = table.read();
            (0..rows.len())
                .filter_map(|at| rows.get(at).cloned())
                .collect()
        };
        for row in rows.iter().filter(|row| !row.deleted()) {
            let text = |name: &str| {
                object
                    .position(name)
                    .and_then(|at| row.get(at))
                    .unwrap_or_default()
                    .to_owned()
            };
            let stage = Stage {
                closed: text("IsClosed") == "true",
                won: text("IsWon") == "true",
                probability: text("DefaultProbability"),
                forecast: text("ForecastCategory"),
                forecast_name: text("ForecastCategoryName"),
            };
            stages
                .by_name
                .insert(text("MasterLabel").to_lowercase(), stage);
        }
        stages
    }

    /// The meaning of a stage.
    pub(crate) fn find(&self, name: &str) -> &Stage {
        self.by_name
            .get(&name.to_lowercase())
            .unwrap_or(&self.unknown)
    }
}
