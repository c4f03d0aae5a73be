//! The files of an export and how records are dealt out to them.
//!
//! Comes in: the population. Goes out: every file, one after the other. Consecutive records share a file; older versions of
//! a file's records stand at the end of the next file, as when an earlier export lies in the same folder.

use std::ops::Range;
use std::path::Path;

use super::catalogue;
use super::company::{self, Company};
use super::conversation::Conversation;
use super::deal::Deal;
use super::deal_cells;
use super::error::GenerateError;
use super::further;
use super::line;
use super::mail::Mail;
use super::mess;
use super::output::{LARGE, Output, Part, Plan, ranges};
use super::person::Person;
use super::person_shapes;
use super::population::Population;
use super::stage_change;
use super::summary::{CompaniesTruth, DealsTruth, FurtherTruth, PeopleTruth, RowTruth, Summary};

const PEOPLE: &[Part<person_shapes::PersonField>] = &[
    Part {
        file: "people-1.csv",
        shape: &person_shapes::V2_CSV,
        share: (400, 600),
    },
    Part {
        file: "people-2.csv",
        shape: &person_shapes::UI_CSV,
        share: (250, 350),
    },
    Part {
        file: "people-3.jsonl.gz",
        shape: &person_shapes::V1_JSON,
        share: (150, 20),
    },
    Part {
        file: "people-4.jsonl",
        shape: &person_shapes::V2_JSON,
        share: (200, 30),
    },
];

const COMPANIES: &[Part<company::CompanyField>] = &[
    Part {
        file: "companies-1.csv",
        shape: &company::MARKED_CSV,
        share: (600, 900),
    },
    Part {
        file: "companies-2.csv.gz",
        shape: &company::PLAIN_CSV,
        share: (400, 100),
    },
];

const DEALS: &[Part<deal_cells::DealField>] = &[
    Part {
        file: "deals-1.csv",
        shape: &deal_cells::V2_CSV,
        share: (700, 940),
    },
    Part {
        file: "deals-2.jsonl",
        shape: &deal_cells::V1_JSON,
        share: (300, 60),
    },
];

/// Position of the file whose people have e-mails inside.
const PEOPLE_WITH_EMAILS: usize = 2;
/// Position of the file whose people have conversations inside.
const PEOPLE_WITH_CONVERSATIONS: usize = 3;
/// Position of the file whose deals have lines and stage changes inside.
const DEALS_WITH_LINES: usize = 1;

/// The people in whose file conversations are bundled.
pub(super) fn people_with_conversations(people: u64) -> Range<u64> {
    let ranges = ranges(PEOPLE, people, people > LARGE);
    ranges[PEOPLE_WITH_CONVERSATIONS].clone()
}

/// Writes the whole export into `folder`, which exists and is empty.
pub(super) fn write(population: &Population, folder: &Path) -> Result<Summary, GenerateError> {
    let mut output = Output {
        population,
        folder,
        files: Vec::new(),
    };
    for (name, object, (bytes, rows)) in [
        (
            "attributes.jsonl",
            "attributes",
            catalogue::attributes_jsonl(),
        ),
        ("Agents.csv", "agents", catalogue::agents_csv()),
        ("pipelines.jsonl", "pipelines", catalogue::pipelines_jsonl()),
    ] {
        output.write_whole(name, object, bytes, rows)?;
    }
    let large = population.people > LARGE;
    let people_files = ranges(PEOPLE, population.people, large);
    let deal_files = ranges(DEALS, population.deals, large);
    let mut truth = FurtherTruth::default();
    let mut companies = CompaniesTruth::default();
    let rows = output.write_object(
        Plan {
            object: "companies",
            parts: COMPANIES,
            total: population.companies,
            schedule: &mess::COMPANIES,
        },
        Company::new,
        Company::older,
        |company| company.count(&mut companies),
    )?;
    add(&mut companies.rows, rows);
    let mut people = PeopleTruth::default();
    let rows = output.write_object(
        Plan {
            object: "people",
            parts: PEOPLE,
            total: population.people,
            schedule: &mess::PEOPLE,
        },
        Person::new,
        Person::older,
        |person| {
            person.count(&mut people);
            let in_csv = person.index < people_files[PEOPLE_WITH_EMAILS].start;
            truth.note("tags", "person_twice", in_csv && person.has_tag_twice());
            if people_files[PEOPLE_WITH_CONVERSATIONS].contains(&person.index)
                && let Some(bundled) = Conversation::bundled(population, person.index)
            {
                bundled.count(true, &mut truth);
            }
            if people_files[PEOPLE_WITH_EMAILS].contains(&person.index) {
                Mail::bundled(population, person.index).for_each(|mail| mail.count(&mut truth));
            }
        },
    )?;
    add(&mut people.rows, rows);
    let mut deals = DealsTruth::default();
    let rows = output.write_object(
        Plan {
            object: "deals",
            parts: DEALS,
            total: population.deals,
            schedule: &mess::DEALS,
        },
        Deal::new,
        Deal::older,
        |deal| {
            deal.count(&mut deals);
            let in_csv = deal.index < deal_files[DEALS_WITH_LINES].start;
            truth.note("tags", "deal_twice", in_csv && deal.has_tag_twice());
            if deal_files[DEALS_WITH_LINES].contains(&deal.index) {
                line::count(deal, &mut truth);
                truth.add("stage_changes", stage_change::count(deal));
            }
        },
    )?;
    add(&mut deals.rows, rows);
    let plain_deals = 0..deal_files[DEALS_WITH_LINES].start;
    let blobs = further::write(&mut output, plain_deals, &mut truth)?;
    Ok(Summary {
        out: folder.to_owned(),
        files: output.files,
        people,
        companies,
        deals,
        further: truth,
        blobs,
    })
}

/// Joins the row counts with the cells that were counted meanwhile.
fn add(truth: &mut RowTruth, rows: RowTruth) {
    let unparsable = std::mem::take(&mut truth.unparsable);
    *truth = RowTruth { unparsable, ..rows };
}
