//! Stages, sales processes and record types of Opportunity, from the stage matrix and what the organisation has.
//!
//! In: the rows of `config/stage_matrix.csv`, the organisation's stages and record types. Out: the stages that are added to
//! those it has, and a sales process with a record type per pipeline where there are several. Never: a stage of the
//! organisation taken away or changed, since deploying the list replaces it (`guide/salesforce.md` §5.2).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Conflict, Notice, name};

/// Where stages, processes and record types are.
pub(super) const OPPORTUNITY: &str = "Opportunity";

/// Longest name of a sales process or record type.
const MAX_NAME: usize = 80;

/// One row of the stage matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedStage {
    /// Pipeline of User.com.
    pub pipeline: String,
    /// Status of the deal: `won`, `lost`, `abandoned`, `in progress`, `archived`.
    pub status: String,
    /// Stage in Salesforce.
    pub stage: String,
    /// Per cent that the matrix asks for; it wins.
    pub probability: Option<u8>,
    /// Per cent of the stage in User.com, for an open stage. Without either, as the status has it.
    pub weight: Option<u8>,
    /// Forecast category, as the Metadata API calls it; without one, as its status has it.
    pub forecast: Option<String>,
}

/// A stage of an organisation, or one to add to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// API name, which records hold.
    pub name: String,
    /// Label.
    pub label: String,
    /// Per cent.
    pub probability: u8,
    /// Whether the deal is over.
    pub closed: bool,
    /// Whether it is won.
    pub won: bool,
    /// `Omitted`, `Pipeline`, `BestCase`, `MostLikely`, `Forecast` or `Closed`.
    pub forecast: String,
    /// Whether people can choose it.
    pub active: bool,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match (self.closed, self.won) {
            (_, true) => "won",
            (true, false) => "lost",
            (false, false) => "open",
        };
        write!(
            f,
            "stage {} ({kind}, {} %, forecast {})",
            self.name, self.probability, self.forecast
        )
    }
}

/// A record type of Opportunity with its sales process, one per pipeline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pipeline {
    /// API name of the record type.
    pub developer_name: String,
    /// Label of the record type, and name of the process.
    pub label: String,
    /// Stages of the process, in the order of the matrix.
    pub stages: Vec<String>,
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{OPPORTUNITY}.{}: record type and sales process \"{}\" with {} stages",
            self.developer_name,
            self.label,
            self.stages.len()
        )
    }
}

/// What the organisation has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrgSales {
    /// Every stage, inactive ones too, in order.
    pub stages: Vec<Stage>,
    /// Labels of record types of Opportunity, and whether this user may use them.
    pub record_types: BTreeMap<String, bool>,
}

/// What is to be done about stages, processes and record types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SalesPlan {
    pub(super) keep: Vec<Stage>,
    pub(super) add: Vec<Stage>,
    pub(super) create: Vec<Pipeline>,
    /// API names of record types that this user may not use yet.
    pub(super) grant: Vec<String>,
    pub(super) unchanged: Vec<String>,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) notices: Vec<Notice>,
}

/// Compares the stage matrix with the organisation. Without `record_types`, only stages are looked at.
pub(super) fn compare(wanted: &[WantedStage], org: &OrgSales, record_types: bool) -> SalesPlan {
    let mut plan = SalesPlan {
        keep: org.stages.clone(),
        ..SalesPlan::default()
    };
    // Stages with a probability of the matrix, which no weight changes.
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for row in wanted {
        let stage = new_stage(row);
        // Names of stages differ by case (`guide/salesforce.md` §5.2).
        if let Some(there) = plan.keep.iter_mut().find(|there| there.name == stage.name) {
            if !there.active {
                there.active = true;
                plan.add.push(there.clone());
            } else if row.status != "archived"
                && (there.closed, there.won) != (stage.closed, stage.won)
            {
                note_difference(&mut plan.notices, row, there);
            }
        } else if let Some(added) = plan.add.iter_mut().find(|added| added.name == stage.name) {
            if (added.closed, added.won) == (stage.closed, stage.won) {
                if asked.contains(&stage.name) == row.probability.is_some() {
                    added.probability = added.probability.max(stage.probability);
                } else if row.probability.is_some() {
                    added.probability = stage.probability;
                }
            } else if !stage.closed || !added.closed || stage.won != added.won {
                let conflict = Conflict::StageContradicts {
                    stage: stage.name.clone(),
                };
                if !plan.conflicts.contains(&conflict) {
                    plan.conflicts.push(conflict);
                }
            }
        } else {
            plan.add.push(stage);
        }
        if row.probability.is_some() {
            asked.insert(row.stage.clone());
        }
    }
    let pipelines = pipelines(wanted);
    if !record_types || pipelines.len() < 2 {
        return plan;
    }
    for pipeline in pipelines {
        let known = org
            .record_types
            .iter()
            .find(|(label, _)| label.eq_ignore_ascii_case(&pipeline.label));
        match known {
            None => plan.create.push(pipeline),
            Some((_, true)) => plan.unchanged.push(pipeline.developer_name),
            Some((_, false)) => plan.grant.push(pipeline.developer_name),
        }
    }
    plan
}

fn note_difference(notices: &mut Vec<Notice>, row: &WantedStage, there: &Stage) {
    let notice = Notice::StageDiffers {
        stage: there.name.clone(),
        status: row.status.clone(),
    };
    if !notices.contains(&notice) {
        notices.push(notice);
    }
}

fn new_stage(row: &WantedStage) -> Stage {
    let (closed, won) = match row.status.as_str() {
        "won" => (true, true),
        "lost" | "abandoned" => (true, false),
        _ => (false, false),
    };
    let (usual, forecast) = match (closed, won) {
        (_, true) => (100, "Closed"),
        (true, false) => (0, "Omitted"),
        (false, false) => (10, "Pipeline"),
    };
    // A deal that is over is won or lost, however likely its stage once was.
    let asked = row.probability.or(row.weight.filter(|_| !closed));
    Stage {
        name: row.stage.clone(),
        label: row.stage.clone(),
        probability: asked.unwrap_or(usual).min(100),
        closed,
        won,
        forecast: row.forecast.clone().unwrap_or_else(|| forecast.to_owned()),
        active: true,
    }
}

/// The pipelines of the matrix with their stages.
fn pipelines(wanted: &[WantedStage]) -> Vec<Pipeline> {
    let mut pipelines: Vec<Pipeline> = Vec::new();
    let mut taken = BTreeSet::new();
    for row in wanted {
        let label: String = row.pipeline.chars().take(MAX_NAME).collect();
        let label = label.trim();
        let at = pipelines
            .iter()
            .position(|known| known.label.eq_ignore_ascii_case(label));
        let pipeline = match at {
            Some(at) => &mut pipelines[at],
            None => {
                pipelines.push(Pipeline {
                    developer_name: name::developer_name(label, "Pipeline", &mut taken),
                    label: label.to_owned(),
                    stages: Vec::new(),
                });
                let last = pipelines.len() - 1;
                &mut pipelines[last]
            }
        };
        if !pipeline.stages.contains(&row.stage) {
            pipeline.stages.push(row.stage.clone());
        }
    }
    pipelines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pipeline: &str, status: &str, stage: &str) -> WantedStage {
        WantedStage {
            pipeline: pipeline.to_owned(),
            status: status.to_owned(),
            stage: stage.to_owned(),
            probability: None,
            weight: None,
            forecast: None,
        }
    }

    #[test]
    fn a_new_stage_is_as_likely_as_in_the_source_and_the_matrix_wins() {
        let weighed = |stage: &str, weight, probability| WantedStage {
            weight: Some(weight),
            probability,
            ..row("Sales", "in progress", stage)
        };
        let wanted = [
            weighed("Offer", 33, None),
            weighed("Offer", 40, None),
            weighed("Talks", 80, None),
            weighed("Talks", 60, Some(55)),
            weighed("Talks", 70, None),
            WantedStage {
                status: "won".to_owned(),
                ..weighed("Signed", 90, None)
            },
        ];
        let plan = compare(&wanted, &OrgSales::default(), false);
        let added: Vec<_> = plan.add.iter().map(|stage| stage.probability).collect();
        assert_eq!(added, [40, 55, 100]);
    }

    fn prospecting(active: bool) -> OrgSales {
        OrgSales {
            stages: vec![Stage {
                active,
                ..new_stage(&row("", "in progress", "Prospecting"))
            }],
            record_types: BTreeMap::new(),
        }
    }

    #[test]
    fn stages_that_are_there_are_kept_and_missing_ones_added_as_their_status_has_it() {
        let wanted = [
            row("Sales", "in progress", "Prospecting"),
            row("Sales", "won", "Signed"),
            row("Sales", "lost", "Gone"),
        ];
        let plan = compare(&wanted, &prospecting(true), true);
        assert_eq!(plan.keep.len(), 1);
        let added: Vec<String> = plan.add.iter().map(ToString::to_string).collect();
        assert_eq!(
            added,
            [
                "stage Signed (won, 100 %, forecast Closed)",
                "stage Gone (lost, 0 %, forecast Omitted)"
            ]
        );
        assert!(plan.create.is_empty(), "one pipeline needs no record type");
    }

    #[test]
    fn a_stage_that_was_switched_off_is_switched_on_again() {
        let wanted = [row("Sales", "in progress", "Prospecting")];
        let plan = compare(&wanted, &prospecting(false), true);
        assert_eq!(plan.add.len(), 1);
        assert!(plan.keep[0].active);
    }

    #[test]
    fn a_new_stage_cannot_be_won_and_open() {
        let wanted = [
            row("Sales", "in progress", "Done"),
            row("Sales", "won", "Done"),
        ];
        let plan = compare(&wanted, &OrgSales::default(), true);
        let conflict = Conflict::StageContradicts {
            stage: "Done".to_owned(),
        };
        assert_eq!(plan.conflicts, [conflict]);
    }

    #[test]
    fn an_open_stage_that_won_deals_go_to_is_told() {
        let wanted = [row("Sales", "won", "Prospecting")];
        let plan = compare(&wanted, &prospecting(true), true);
        assert_eq!(plan.notices.len(), 1);
    }

    #[test]
    fn several_pipelines_have_a_record_type_each_whatever_they_are_called() {
        let wanted = [
            row("New business", "in progress", "A"),
            row("Zażółć", "in progress", "A"),
            row("Zazolc!", "won", "B"),
            row("🎯", "won", "B"),
            row("new business", "won", "B"),
        ];
        let mut org = OrgSales::default();
        org.record_types.insert("🎯".to_owned(), false);
        let plan = compare(&wanted, &org, true);
        let names: Vec<&str> = plan
            .create
            .iter()
            .map(|pipeline| pipeline.developer_name.as_str())
            .collect();
        assert_eq!(names, ["New_business", "Zazolc", "Zazolc_2"]);
        assert_eq!(plan.create[0].stages, ["A", "B"]);
        assert_eq!(plan.grant, ["Pipeline"]);
        assert!(compare(&wanted, &org, false).create.is_empty());
    }
}
