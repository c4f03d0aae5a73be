//! Random scripts of edits on both sides: after every delta the org is what a model of three dictionaries says, no edit of the
//! org is lost, and a second delta sends nothing.
//!
//! A script is a handful of records of its own (four companies, two people, a deal): values that change or are cleared, other
//! owners and parents, rows that come and go, records that are deleted and undeleted, companies that are merged, a Lead that sales
//! converts or that the source calls a customer, policies and answers. Many scripts share a project, so that one delta carries them
//! all. `TRANSLOAD_SCRIPTS` says how many there are, `TRANSLOAD_SEED` which ones.

/// The project's files as the model has them.
mod files;
/// What people do to whole records.
mod life;
/// What should happen.
mod model;
/// What is told when it does not.
mod story;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Map, json};

use self::files::project;
use self::model::{Decision, Delta, Model, Place, Policy, Record, Value};
use crate::org::Org;
use crate::rehearsal::Project;

/// Scripts in one project.
const TOGETHER: u64 = 75;

/// Deltas that edits come before.
const ROUNDS: usize = 4;

/// A field that both sides change: its object, its name, the export's column, and whether it can be empty.
struct Field {
    object: &'static str,
    name: &'static str,
    column: &'static str,
    can_be_empty: bool,
}

const fn field(
    object: &'static str,
    name: &'static str,
    column: &'static str,
    can_be_empty: bool,
) -> Field {
    Field {
        object,
        name,
        column,
        can_be_empty,
    }
}

const FIELDS: [Field; 17] = [
    field("Account", "BillingCity", "city", true),
    field("Account", "BillingStreet", "address", true),
    field("Account", "usercom_custom_id__c", "custom_id", true),
    field("Account", "OwnerId", "assigned_to", false),
    field("Contact", "MailingCity", "city", true),
    field("Contact", "Phone", "phone_number", true),
    field("Contact", "usercom_custom_id__c", "custom_id", true),
    field("Contact", "OwnerId", "assigned_to", false),
    field("Contact", "AccountId", "company_id", false),
    field("Lead", "City", "city", true),
    field("Lead", "Phone", "phone_number", true),
    field("Lead", "OwnerId", "assigned_to", false),
    field("Opportunity", "Name", "name", false),
    field("Opportunity", "CloseDate", "expected_close_date", false),
    field(
        "Opportunity",
        "usercom_loss_description__c",
        "loss_reason_description",
        true,
    ),
    field("Opportunity", "OwnerId", "assigned_to", false),
    field("Opportunity", "AccountId", "company_id", false),
];

fn fields(object: &str) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(move |field| field.object == object)
}

/// Numbers from a seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in `n` times.
    fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A value for a field of a record, from so few that both sides meet. Records are named by their model's key, owners by
    /// their number.
    fn value(&mut self, field: &Field, key: u64) -> Value {
        if field.can_be_empty && self.once_in(4) {
            return None;
        }
        let n = self.below(5);
        Some(match field.column {
            "assigned_to" => (7001 + n % 2).to_string(),
            "company_id" => (key / 10 * 10 + 1 + n % PARENTS).to_string(),
            "phone_number" => format!("+48 60{n}"),
            "expected_close_date" => format!("2027-05-1{n}"),
            "custom_id" => format!("c{key}-{n}"),
            column => format!("{column} {n}"),
        })
    }
}

/// A script's records: key within the script, and the object it is in the org.
const RECORDS: [(u64, &str); 7] = [
    (1, "Account"),
    (2, "Account"),
    (3, "Account"),
    (4, "Contact"),
    (5, "Lead"),
    (6, "Opportunity"),
    (7, "Account"),
];

/// The first companies of a script, which others name: they are always in the source, and nobody deletes them.
const PARENTS: u64 = 3;

/// A project, the model of both sides, and what has been drawn.
struct World {
    project: Project,
    model: Model,
    chance: Chance,
    /// Ids in the org of our records, and back.
    ids: BTreeMap<(&'static str, u64), String>,
    /// Users' ids by the number of the agent.
    users: BTreeMap<String, String>,
    /// What happened, a line each, so that a failure tells the stories of its records.
    told: Vec<String>,
}

#[test]
#[ignore = "long: several migrations"]
#[expect(clippy::disallowed_methods, reason = "who runs it says how much of it")]
fn random_edits_on_both_sides_end_as_the_model_says() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let (scripts, seed) = (
        number("TRANSLOAD_SCRIPTS", 3),
        number("TRANSLOAD_SEED", 2_026),
    );
    for (batch, first) in (0..scripts).step_by(TOGETHER as usize).enumerate() {
        let scripts = TOGETHER.min(scripts - first);
        let mut world = World::start(seed + batch as u64, scripts);
        for round in 1..=ROUNDS {
            world.edit_source();
            world.decide();
            world.edit_org();
            world.write();
            world.deliver(&format!("seed {} round {round}", seed + batch as u64));
        }
    }
}

impl World {
    fn start(seed: u64, scripts: u64) -> Self {
        let mut world = Self {
            project: project(),
            model: Model::default(),
            chance: Chance(seed),
            ids: BTreeMap::new(),
            users: BTreeMap::new(),
            told: Vec::new(),
        };
        for script in 1..=scripts {
            for (place, object) in RECORDS {
                let key = script * 10 + place;
                let mut record = Record::default();
                for field in fields(object) {
                    let value = world.chance.value(field, key);
                    record.ours.insert(field.name, value);
                }
                record.is_in_source = place <= PARENTS || !world.chance.once_in(6);
                record.is_customer = object == "Contact";
                world.model.records.insert((object, key), record);
            }
        }
        world.write();
        world.deliver(&format!("seed {seed} first run"));
        world
    }

    fn record(&mut self, of: (&'static str, u64)) -> &mut Record {
        self.model.records.get_mut(&of).unwrap()
    }

    /// Records that a script may change, in an order of its own.
    fn all(&self) -> Vec<(&'static str, u64)> {
        self.model.records.keys().copied().collect()
    }

    fn edit_source(&mut self) {
        for of in self.all() {
            let (object, key) = of;
            for field in fields(object) {
                if self.chance.once_in(3) {
                    let value = self.chance.value(field, key);
                    self.told.push(format!(
                        "{object} {key} {} is {value:?} in the source",
                        field.name
                    ));
                    self.record(of).ours.insert(field.name, value);
                }
            }
            if key % 10 > PARENTS && self.chance.once_in(8) {
                let record = self.record(of);
                record.is_in_source = !record.is_in_source;
            }
            if key % 10 == 5 && self.chance.once_in(6) {
                let record = self.record(of);
                record.is_customer = !record.is_customer;
                let now = record.is_customer;
                self.told
                    .push(format!("{object} {key} is a customer: {now}"));
            }
        }
    }

    /// People answer some questions, and somebody changes policies.
    fn decide(&mut self) {
        for field in &FIELDS {
            match self.chance.below(8) {
                0 => drop(self.model.policies.remove(&(field.object, field.name))),
                n @ 1..=2 => {
                    let drawn = self.chance.below(2) as usize + (n as usize - 1) * 2;
                    let policy = Policy::ALL[drawn];
                    self.model
                        .policies
                        .insert((field.object, field.name), policy);
                }
                _ => {}
            }
        }
        let questions = self.project.table(
            "select c.object, c.key, c.field from recon.conflicts as c where c.state = 'ask' order by 1, 2, 3",
        );
        for question in questions {
            if self.chance.once_in(2) {
                continue;
            }
            let field = FIELDS
                .iter()
                .find(|field| field.object == question[0] && field.name == question[2])
                .unwrap();
            let key: u64 = question[1].parse().unwrap();
            let record = &self.model.records[&(field.object, key)];
            let place = (field.object, key, field.name);
            let [ours, theirs] =
                [&record.ours, &record.theirs].map(|side| side[field.name].clone());
            if self
                .model
                .decisions
                .iter()
                .any(|d| d.place == place && d.ours == ours && d.theirs == theirs)
            {
                continue;
            }
            let is_source = self.chance.once_in(2);
            self.model.decisions.push(Decision {
                place,
                ours,
                theirs,
                is_source,
            });
        }
    }

    fn edit_org(&mut self) {
        let org = self.project.org();
        for of in self.all() {
            let (object, key) = of;
            let record = &self.model.records[&of];
            if !record.is_made || self.model.is_merged(of) {
                continue;
            }
            let id = self.ids[&of].clone();
            if record.is_deleted {
                if self.chance.once_in(2) {
                    org.control(Method::POST, "undelete", Some(json!({"id": id})));
                    self.record(of).is_deleted = false;
                    self.told.push(format!("{object} {key} undeleted"));
                }
                continue;
            }
            if key % 10 > PARENTS && self.chance.once_in(10) {
                org.control(Method::POST, "delete", Some(json!({"id": id})));
                self.record(of).is_deleted = true;
                self.told.push(format!("{object} {key} deleted"));
                continue;
            }
            let mut edit = Map::new();
            for field in fields(object) {
                if !self.chance.once_in(4) {
                    continue;
                }
                let value = self.chance.value(field, key);
                let value = self.model.now(field.name, &value);
                if value != self.model.records[&of].theirs[field.name] {
                    edit.insert(field.name.to_owned(), json!(self.api(field, &value)));
                    self.told.push(format!(
                        "{object} {key} {} := {value:?} in the org",
                        field.name
                    ));
                    self.record(of).theirs.insert(field.name, value);
                }
            }
            if !edit.is_empty() {
                let edit = json!({"object": object, "id": id, "fields": edit, "user": "ann@acme.example.crm"});
                org.control(Method::POST, "rows", Some(edit));
            }
        }
        self.convert(&org);
        self.merge(&org);
    }

    /// A value of the model as the API takes it.
    fn api(&self, field: &Field, value: &Value) -> Value {
        let value = value.as_ref()?;
        Some(match field.column {
            "assigned_to" => self.users[value].clone(),
            "company_id" => self.ids[&("Account", value.parse().unwrap())].clone(),
            _ => value.clone(),
        })
    }

    /// A value that the API gave, as the model has it.
    fn of_api(&self, field: &Field, value: &str) -> Value {
        if ["∅", ""].contains(&value) {
            return None;
        }
        let is_it = |id: &String| id[..15] == value[..15];
        let name = match field.column {
            "assigned_to" => self
                .users
                .iter()
                .find(|(_, id)| is_it(id))
                .map(|(name, _)| name.clone()),
            "company_id" => self
                .ids
                .iter()
                .find(|((object, _), id)| *object == "Account" && is_it(id))
                .map(|((_, key), _)| key.to_string()),
            _ => Some(value.to_owned()),
        };
        Some(name.unwrap_or_else(|| format!("unknown {value}")))
    }

    /// A delta, and a second one.
    fn deliver(&mut self, when: &str) {
        let before = self.runs();
        let run = self.project.carry();
        assert!(
            run.code.is_some_and(|code| code < 2),
            "{when}: {}",
            run.error()
        );
        let delta = self.model.delta();
        let told = match run.total("differences") {
            0 => run.stderr.clone(),
            _ => {
                let found = "select d.load, d.key, d.kind, d.field, d.sent, d.found from recon.differences as d";
                format!("{}\n{:?}", run.stderr, self.project.table(found))
            }
        };
        self.learn(&delta, &format!("{when}\n{told}"));
        for (place, values) in &delta.written {
            self.told.push(format!(
                "{} {} {} written: {values:?}",
                place.0, place.1, place.2
            ));
        }
        self.told
            .push(format!("- {when}, policies {:?}", self.model.policies));
        let when = format!("{when}\n{told}");
        self.compare(&delta, &when, &before);
        assert_eq!(run.total("differences"), 0, "{when}");

        let run = self.project.carry();
        let again = self.model.delta();
        assert!(again.written.is_empty() && again.made.is_empty() && again.converted.is_empty());
        if run.total("sent") > 0 {
            let story = self.told.join("\n  ");
            let changed = "select c.load, c.key, c.field, c.old, c.new, c.why, c.run from ledger.changes as c order by c.run desc limit 5";
            let attempts = "select a.load, a.key, a.operation, a.run_id from ledger.attempts as a order by a.run_id desc limit 3";
            panic!(
                "{when}: the second delta sent {:?}, changed {:?}\n  {story}",
                self.project.table(attempts),
                self.project.table(changed)
            );
        }
        self.compare(&again, &format!("{when}: the second delta"), &self.runs());
    }

    fn runs(&self) -> BTreeSet<String> {
        match self.ids.is_empty() {
            true => BTreeSet::new(),
            false => self
                .project
                .set("select distinct r.run from ledger.runs as r"),
        }
    }

    /// Ids of what was made.
    fn learn(&mut self, delta: &Delta, when: &str) {
        let org = self.project.org();
        if self.users.is_empty() {
            let users = org.map("User", "Username", "Id");
            for (number, name) in [("7001", "ann"), ("7002", "ben")] {
                let id = users[&format!("{name}@acme.example.crm")].clone();
                self.users.insert(number.to_owned(), id);
            }
        }
        for object in ["Account", "Contact", "Lead", "Opportunity"] {
            let there = org.map(object, "usercom_id__c", "Id");
            let known = delta.made.iter().chain(&delta.converted);
            for &(_, key) in known.filter(|(of, _)| *of == object) {
                let id = there.get(&key.to_string());
                let id = id.unwrap_or_else(|| {
                    let told = self.told.join("\n  ");
                    panic!("{when}\n{object} {key} was not made\n  {told}")
                });
                self.ids.insert((object, key), id.clone());
            }
        }
    }

    /// The org, the questions and the written fields against the model.
    fn compare(&self, delta: &Delta, when: &str, before: &BTreeSet<String>) {
        let org = self.project.org();
        let mut wrong = Vec::new();
        for object in ["Account", "Contact", "Lead", "Opportunity"] {
            self.compare_object(&org, object, &mut wrong);
        }
        drop(org);
        let mut asked = BTreeMap::new();
        for row in self.project.table(
            "select c.object, c.key, c.field, c.base, c.ours, c.theirs from recon.conflicts as c where c.state = 'ask'",
        ) {
            let (place, field) = place(&row[..3]).unwrap();
            asked.insert(place, [3, 4, 5].map(|at| self.of_api(field, &row[at])));
        }
        differ("asked", &asked, &delta.asked, &mut wrong);
        let mut written = BTreeMap::new();
        for row in self.project.table(
            "select a.object, c.key, c.field, c.old, c.new, c.run from ledger.changes as c \
             inner join (select distinct r.load, r.object from ledger.runs as r where r.load is not null) as a on a.load = c.load",
        ) {
            if let Some((place, field)) = place(&row[..3]).filter(|_| !before.contains(&row[5])) {
                written.insert(place, [3, 4].map(|at| self.of_api(field, &row[at])));
            }
        }
        differ("written", &written, &delta.written, &mut wrong);
        let sides = "select s.object, s.id, s.reason from recon.split as s";
        for side in self.project.table(sides) {
            wrong.push(format!("{} is on the wrong side", side.join(" ")));
        }
        let told = self.project.table(
            "select c.object, c.key, c.field from recon.conflicts as c where c.state = 'source'",
        );
        let told: BTreeSet<Place> = told.iter().filter_map(|row| Some(place(row)?.0)).collect();
        for place in delta.overruled.difference(&told) {
            wrong.push(format!("{place:?}: overruled in silence"));
        }
        assert!(wrong.is_empty(), "{when}\n{}", story::story(self, &wrong));
    }

    fn compare_object(&self, org: &Org, object: &'static str, wrong: &mut Vec<String>) {
        let names: Vec<&str> = fields(object).map(|field| field.name).collect();
        let open = match object {
            "Lead" => " AND IsConverted = false",
            _ => "",
        };
        let rows = org.rows(&format!(
            "SELECT usercom_id__c, {} FROM {object} WHERE usercom_id__c != null{open}",
            names.join(", ")
        ));
        let mut there = BTreeMap::new();
        for row in rows {
            let Ok(key) = row["usercom_id__c"].parse::<u64>() else {
                continue;
            };
            if there.insert(key, row).is_some() {
                wrong.push(format!("{object} {key} is there twice"));
            }
        }
        for ((_, key), record) in self
            .model
            .records
            .iter()
            .filter(|((of, _), _)| *of == object)
        {
            let row = there.remove(key);
            let is_merged = self.model.is_merged((object, *key));
            let is_live = record.is_made && !record.is_deleted && !is_merged;
            let Some(row) = row.filter(|_| is_live) else {
                if is_live || there.contains_key(key) {
                    wrong.push(format!("{object} {key}: live is {is_live} in the model"));
                }
                continue;
            };
            for field in fields(object) {
                let (found, right) = (
                    self.of_api(field, &row[field.name]),
                    &record.theirs[field.name],
                );
                if found != *right {
                    wrong.push(format!(
                        "{object} {key} {}: {found:?} in the org, {right:?} in the model",
                        field.name
                    ));
                }
            }
        }
        wrong.extend(
            there
                .keys()
                .map(|key| format!("{object} {key} is nobody's")),
        );
    }
}

fn place(row: &[String]) -> Option<(Place, &'static Field)> {
    let field = FIELDS
        .iter()
        .find(|field| field.object == row[0] && field.name == row[2]);
    // One column of the export may reach further fields.
    let field = field?;
    Some(((field.object, row[1].parse().unwrap(), field.name), field))
}

fn differ<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &BTreeMap<Place, T>,
    right: &BTreeMap<Place, T>,
    wrong: &mut Vec<String>,
) {
    let places: BTreeSet<&Place> = found.keys().chain(right.keys()).collect();
    for place in places {
        let (found, right) = (found.get(place), right.get(place));
        if found != right {
            wrong.push(format!(
                "{what} {place:?}: {found:?}, in the model {right:?}"
            ));
        }
    }
}
