//! `transload map confirm`.

use transload_propose::Class;

use super::super::{Outcome, ProjectArgs, migration, output};
use crate::config::nearest;
use crate::error::Error;
use crate::mapping::{
    Action, DecisionFile, FIELD_MAP, Facts, ProposedRows, Status, VALUE_MAP, decide_fields,
    decide_values, save_decisions,
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
    /// The rows of one attribute, with the values of its fields; or a value of another decision file, such as
    /// `lifecycle.VIP`; may be given several times
    #[arg(long, value_name = "SOURCE.FIELD|FILE.VALUE")]
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
    let (migration, _) = migration(&args.project)?;
    let config = migration.config();
    let signature = super::signature(config, &args.by)?;
    let staged = super::staged_types(config).await?;
    let known_fields = migration.known_fields(None).await?;
    let mut fields = DecisionFile::open(&config.project, FIELD_MAP)?;
    let mut values = DecisionFile::open(&config.project, VALUE_MAP)?;
    let mut history = super::history()?;
    let mut proposals = ProposedRows::of(&config.project)?;
    known(&fields, &proposals, &args.row)?;
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
        Facts {
            staged: &staged,
            fields: &known_fields,
        },
        history.as_mut(),
    );
    refused.extend(decide_values(
        &mut values,
        &confirm(&chosen_values),
        &signature,
    ));
    let mut confirmed = chosen.len() + chosen_values.len();
    let mut open = 0;
    let mut others = Vec::new();
    for rows in &mut proposals {
        let of_class = |row: usize| {
            let class = rows.file.get(row, "class").to_lowercase();
            args.class.iter().any(|one| one.class().word() == class)
        };
        let is_open = |rows: &ProposedRows, row: usize| rows.state(row) == Some("open");
        // As in the map, who names a row looks at it again.
        let chosen = rows.rows().filter(|row| {
            (is_open(rows, *row) && of_class(*row)) || args.row.contains(&value_name(rows, *row))
        });
        let chosen: Vec<usize> = chosen.collect();
        let told = rows.decide(&confirm(&chosen), &signature);
        confirmed += chosen.len();
        open += rows.rows().filter(|row| is_open(rows, *row)).count();
        if chosen.len() > told.len() {
            others.push(&mut rows.file);
        }
        refused.extend(told);
    }
    save_decisions(&mut fields, &mut values, others, history.as_ref())?;
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

/// How a proposed row of another decision file is named.
fn value_name(rows: &ProposedRows, row: usize) -> String {
    format!("{}.{}", rows.name(), rows.value(row))
}

/// Refuses names of rows that there are not.
fn known(file: &DecisionFile, proposals: &[ProposedRows], wanted: &[String]) -> Result<(), Error> {
    let fields = (0..file.len()).map(|row| name(file, row));
    let values = proposals
        .iter()
        .flat_map(|rows| rows.rows().map(|row| value_name(rows, row)));
    let names: Vec<String> = fields.chain(values).collect();
    for one in wanted {
        if !names.contains(one) {
            let meant = nearest(one, names.iter().map(String::as_str));
            return Err(Error::Unknown {
                what: format!(
                    "neither config/field_map.csv nor a proposal in another decision file has a row of `{one}`"
                ),
                hint: match meant {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "`transload map show` lists the rows; write SOURCE.FIELD or FILE.VALUE"
                        .to_owned(),
                },
            });
        }
    }
    Ok(())
}
