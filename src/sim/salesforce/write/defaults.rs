//! Values that the org fills in itself.
//!
//! In: the object, the running user and, for Opportunity, the stages of the org. Out: the values of fields that were not
//! sent: fixed defaults on insert, and probability and forecast category whenever the stage is set (§6.1).

use std::sync::Arc;

use super::super::model::Model;
use super::super::org::Org;
use super::super::stages::Stages;

/// Values for one object.
pub(super) struct Defaults {
    /// By rising field number.
    pub(super) fixed: Vec<(u16, String)>,
    stage: Option<StageFields>,
}

struct StageFields {
    stage: u16,
    probability: u16,
    forecast: u16,
    stages: Arc<Stages>,
}

impl Defaults {
    pub(super) fn new(org: &Org, model: &Model, object: usize, user: u32) -> Self {
        let definition = model.schema.object(object);
        let user = model
            .schema
            .position("User")
            .map(|users| model.id(users, user).to_string())
            .unwrap_or_default();
        let fixed = (0u16..).zip(&definition.fields).filter_map(|(at, field)| {
            let value = field.default.as_deref()?;
            Some((
                at,
                if value == "@user" {
                    user.clone()
                } else {
                    value.to_owned()
                },
            ))
        });
        let stage = (definition.name == "Opportunity").then(|| {
            Some(StageFields {
                stage: definition.position("StageName")?,
                probability: definition.position("Probability")?,
                forecast: definition.position("ForecastCategoryName")?,
                stages: org.stages(),
            })
        });
        Self {
            fixed: fixed.collect(),
            stage: stage.flatten(),
        }
    }

    /// Fields that follow from the values sent: (field, value), to be set unless they were sent as well.
    pub(super) fn derived(&self, value_of: impl Fn(u16) -> Option<String>) -> Vec<(u16, String)> {
        let Some(fields) = &self.stage else {
            return Vec::new();
        };
        let Some(stage) = value_of(fields.stage) else {
            return Vec::new();
        };
        let stage = fields.stages.find(&stage);
        vec![
            (fields.probability, stage.probability.clone()),
            (fields.forecast, stage.forecast_name.clone()),
        ]
    }

    /// Whether [`Defaults::derived`] can return anything.
    pub(super) fn derives(&self) -> bool {
        self.stage.is_some()
    }
}
