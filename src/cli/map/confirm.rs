//! `transload map confirm`.

use transload_propose::Class;

use super::super::{Outcome, ProjectArgs, config, output};
use super::Proposals;
use crate::config::nearest;
use crate::error::Error;
use crate::mapping::{
    Action, DecisionFile, FIELD_MAP, Status, VALUE_MAP, confirm_decisions, decide_fields,
    decide_values, decision_state, save_decisions,
};

/// Arguments of `transload map confirm`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfirmArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Proposals of this class; may be given several times
    #[arg(
        long,
        value_enum,
        value_name = "CLASS",
        required_unless_present = "row"
    )]
    class: Vec<ClassArg>,
    /// The rows of one attribute, with the values of its fields; may be given several times
    #[arg(long, value_name = "SOURCE.FIELD")]
    row: Vec<String>,
    /// Who confirms
    #[arg(long, value_name = "NAME")]
    by: String,
}

/// Classes, as they are typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ClassArg {
    Certain,
    Likely,
    Guess,
}

impl ClassArg {
    fn class(self) -> Class {
        match self {
            Self::Certain => Class::Certain,
            Self::Likely => Class::Likely,
            Self::Guess => Class::Guess,
        }
    }
}

pub(super) async fn run(args: &ConfirmArgs) -> Result<Outcome, Error> {
    let config = config(&args.project)?;
    let signature = super::signature(&config, &args.by)?;
    let staged = super::staged_types(&config).await?;
    let mut fields = DecisionFile::open(&config.project, FIELD_MAP)?;
    let mut values = DecisionFile::open(&config.project, VALUE_MAP)?;
    let mut history = super::history()?;
    known(&fields, &args.row)?;
    let is_open = |file: &DecisionFile, row: usize| {
        Status::of(&file.get(row, "status").to_lowercase()) == Status::Proposed
    };
    let is_of_class = |file: &DecisionFile, row: usize| {
        let class = file.get(row, "class");
        is_open(file, row) && args.class.iter().any(|one| one.class().word() == class)
    };
    let is_named = |row: usize| args.row.contains(&name(&fields, row));
    // Who names a row looks at it again, also where it was confirmed before.
    let chosen: Vec<usize> = (0..fields.len())
        .filter(|row| is_of_class(&fields, *row) || is_named(*row))
        .collect();
    let named: Vec<[String; 2]> = chosen
        .iter()
        .filter(|row| is_named(**row))
        .map(|row| {
            ["target_object", "target_field"].map(|column| fields.get(*row, column).to_lowercase())
        })
        .collect();
    let chosen_values: Vec<usize> = (0..values.len())
        .filter(|row| {
            let of = ["object", "field"].map(|column| values.get(*row, column).to_lowercase());
            is_of_class(&values, *row) || (is_open(&values, *row) && named.contains(&of))
        })
        .collect();
    let confirm = |rows: &[usize]| {
        rows.iter()
            .map(|row| (*row, Action::Confirm))
            .collect::<Vec<_>>()
    };
    let mut refused = decide_fields(
        &mut fields,
        &confirm(&chosen),
        &signature,
        &staged,
        history.as_mut(),
    );
    refused.extend(decide_values(
        &mut values,
        &confirm(&chosen_values),
        &signature,
    ));
    save_decisions(&mut fields, &mut values, history.as_ref())?;
    let mut confirmed = chosen.len() + chosen_values.len();
    let mut open = 0;
    for Proposals {
        mut file, column, ..
    } in super::proposals(&config)?
    {
        let waits = |row: &usize| decision_state(&file, *row) == Some("open");
        let waiting: Vec<usize> = (0..file.len()).filter(waits).collect();
        let is_chosen = |row: &usize| {
            let class = file.get(*row, "class").to_lowercase();
            args.class.iter().any(|one| one.class().word() == class)
        };
        let rows: Vec<usize> = waiting.iter().copied().filter(is_chosen).collect();
        let told = confirm_decisions(&mut file, column, &rows, &signature);
        if !rows.is_empty() {
            file.save()?;
        }
        confirmed += rows.len();
        open += waiting.len() - rows.len() + told.len();
        refused.extend(told);
    }
    for line in &refused {
        output::note(&format!("not confirmed: {line}"));
    }
    let waiting = |file: &DecisionFile| (0..file.len()).filter(|row| is_open(file, *row)).count();
    open += waiting(&fields) + waiting(&values);
    output::data(&format!(
        "{} row(s) confirmed by {} on {}; {open} row(s) wait for a decision\n",
        confirmed - refused.len(),
        signature.by,
        signature.at
    ))?;
    Ok(Outcome::Fine)
}

fn name(file: &DecisionFile, row: usize) -> String {
    format!(
        "{}.{}",
        file.get(row, "source").to_lowercase(),
        file.get(row, "source_field")
    )
}

/// Refuses names that the map does not have.
fn known(file: &DecisionFile, wanted: &[String]) -> Result<(), Error> {
    let names: Vec<String> = (0..file.len()).map(|row| name(file, row)).collect();
    for one in wanted {
        if !names.contains(one) {
            let meant = nearest(one, names.iter().map(String::as_str));
            return Err(Error::Unknown {
                what: format!("config/field_map.csv has no row of `{one}`"),
                hint: match meant {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "`transload map show` lists the rows; write SOURCE.FIELD".to_owned(),
                },
            });
        }
    }
    Ok(())
}
