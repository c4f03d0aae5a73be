//! One simulated org: everything that requests and job threads share.
//!
//! In: [`SalesforceSimOptions`] and a state folder. Out: [`Org`], opened or made empty, and what hangs on it. Each part has a lock of
//! its own, held for a look or a chunk, never across an await. `org.json` holds identity and deployed metadata, replaced
//! as a whole; rows are in `rows/`, jobs in `jobs/`. This is state alone: it knows none of the rules of objects, writes
//! no rows by itself ([`super::setup`] furnishes a new org), and nothing below it knows it.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use chrono::Utc;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::blobs::Blobs;
use super::bulk::{IngestJobs, QueryJobs};
use super::deploy::Deployments;
use super::edit::Automations;
use super::error::SimError;
use super::faults::Faults;
use super::hold::Hold;
use super::ids::{Prefix, RecordId};
use super::job_faults::JobFaults;
use super::lead_convert::LeadConvert;
use super::lock::{read, write};
use super::model::{Access, Grants, Model, ObjectGrant};
use super::options::SalesforceSimOptions;
use super::picklists;
use super::row_locks::RowLocks;
use super::schema::{CustomObject, FieldDefinition, Grant, RECORD_TYPE, SObject, Schema, standard};
use super::sessions::Sessions;
use super::soql::Cursors;
use super::stages::Stages;
use super::state_file::replace;
use super::statistics::Statistics;
use super::store::{Mark, Table};
use super::view::View;

/// What `org.json` holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    organization: String,
    pod: String,
    /// Deployed fields by object, in the order of their numbers.
    fields: BTreeMap<String, Vec<FieldDefinition>>,
    grants: BTreeMap<String, Vec<(String, String, Grant)>>,
    /// Deployed objects, in the order of their numbers.
    #[serde(default)]
    objects: Vec<CustomObject>,
    #[serde(default)]
    object_grants: BTreeMap<String, Vec<(String, ObjectGrant)>>,
    /// Record types that sets make visible: object and developer name.
    #[serde(default)]
    record_types: BTreeMap<String, Vec<(String, String)>>,
    /// Prefixes of deleted objects.
    #[serde(default)]
    retired: Vec<String>,
    #[serde(default)]
    lead_convert: Option<LeadConvert>,
    /// Position of the running user.
    user: u32,
    sandbox: bool,
}

/// What a deployment changes, as a whole.
#[derive(Clone)]
pub(crate) struct Metadata {
    pub(crate) schema: Schema,
    /// By permission set name.
    pub(crate) grants: HashMap<String, Grants>,
    pub(crate) lead_convert: Option<LeadConvert>,
}

/// A simulated org.
pub(crate) struct Org {
    /// Nobody else has the state folder.
    _hold: Hold,
    pub(crate) options: SalesforceSimOptions,
    /// The organisation's id.
    pub(crate) organization: RecordId,
    pod: Prefix,
    /// Position of the running user.
    pub(crate) user: u32,
    base_url: OnceLock<String>,
    model: RwLock<Arc<Model>>,
    access: RwLock<HashMap<u32, Arc<Access>>>,
    stages: RwLock<Arc<Stages>>,
    numbers: AtomicU64,
    pub(crate) sessions: Sessions,
    pub(crate) statistics: Statistics,
    pub(crate) faults: Faults,
    pub(crate) job_faults: JobFaults,
    pub(crate) automations: Automations,
    /// Records that are held while they are written; empty unless the options ask for it.
    pub(crate) locks: Arc<RowLocks>,
    /// The server stops: nobody waits for the sake of time any more.
    pub(crate) stopping: AtomicBool,
    pub(crate) ingest: IngestJobs,
    pub(crate) queries: QueryJobs,
    pub(crate) deployments: Deployments,
    pub(crate) cursors: Cursors,
    pub(crate) blobs: Blobs,
}

impl Org {
    /// Opens the org in the state folder, or makes an empty one there; says whether it is new.
    pub(crate) fn open(mut options: SalesforceSimOptions) -> Result<(Arc<Self>, bool), SimError> {
        let rows = options.state.join("rows");
        crate::private::folder(&rows).map_err(|source| SimError::State {
            path: rows.clone(),
            source,
        })?;
        let hold = Hold::take(&options.state)?;
        let path = options.state.join("org.json");
        let saved = load(&path)?;
        let fresh = saved.is_none();
        let saved = saved.unwrap_or_else(|| new_identity(&options));
        options.sandbox = saved.sandbox;

        let mut schema = standard(&options);
        for prefix in &saved.retired {
            schema.retire(prefix.as_bytes().try_into().unwrap_or(*b"a00"));
        }
        for object in &saved.objects {
            schema.put_custom(object.object(options.multi_currency));
        }
        for (name, fields) in &saved.fields {
            if let Some(at) = schema.position(name) {
                let mut object = SObject::clone(schema.object(at));
                fields.iter().cloned().for_each(|field| object.add(field));
                schema.put(object);
            }
        }
        let pod: Prefix = saved.pod.as_bytes().try_into().unwrap_or(*b"000");
        let (ingest, queries) = (IngestJobs::open(&options)?, QueryJobs::open(&options)?);
        let mut tables: Vec<Arc<Table>> = Vec::new();
        for object in schema.objects() {
            if let Some(shared) = shared_table(&schema, &tables, object) {
                tables.push(shared);
                continue;
            }
            let path = rows.join(format!("{}.log", object.name));
            let table = open_table(&path, object, |mark| ingest.resume(mark));
            tables.push(Arc::new(
                table.map_err(|source| SimError::State { path, source })?,
            ));
        }
        let mut grants: HashMap<String, Grants> = HashMap::new();
        for (set, list) in saved.grants {
            let fields = list
                .into_iter()
                .map(|(object, field, grant)| ((object, field), grant));
            grants.entry(set).or_default().fields = fields.collect();
        }
        for (set, list) in saved.object_grants {
            grants.entry(set).or_default().objects = list.into_iter().collect();
        }
        for (set, list) in saved.record_types {
            grants.entry(set).or_default().record_types = list.into_iter().collect();
        }
        let mut model = Model {
            schema,
            tables,
            grants,
            lead_convert: saved.lead_convert,
            pod,
        };
        picklists::follow_rows(&mut model);
        let stages = Stages::read(&model);
        let organization =
            RecordId::parse(&saved.organization).unwrap_or(RecordId::new(*b"00D", pod, 1));
        let millis = u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0);
        let org = Arc::new(Self {
            _hold: hold,
            sessions: Sessions::new(organization, &options),
            statistics: Statistics::default(),
            faults: Faults::default(),
            job_faults: JobFaults::default(),
            automations: Automations::default(),
            locks: Arc::default(),
            stopping: AtomicBool::new(false),
            deployments: Deployments::default(),
            cursors: Cursors::default(),
            blobs: Blobs::open(&options.state).map_err(|source| SimError::State {
                path: options.state.clone(),
                source,
            })?,
            options,
            organization,
            pod,
            user: saved.user,
            base_url: OnceLock::new(),
            model: RwLock::new(Arc::new(model)),
            access: RwLock::default(),
            stages: RwLock::new(Arc::new(stages)),
            // Unique over restarts without being stored, even over two within a second.
            numbers: AtomicU64::new(millis << 8),
            ingest,
            queries,
        });
        Ok((org, fresh))
    }

    /// Schema and tables as they are now.
    pub(crate) fn model(&self) -> Arc<Model> {
        Arc::clone(&read(&self.model))
    }

    /// Field-level security of a user.
    pub(crate) fn access(&self, user: u32) -> Arc<Access> {
        if let Some(known) = read(&self.access).get(&user) {
            return Arc::clone(known);
        }
        let access = Arc::new(self.model().access(user));
        write(&self.access).insert(user, Arc::clone(&access));
        access
    }

    /// A reader of rows, with one snapshot of schema and stages.
    pub(crate) fn view(&self) -> View {
        View::new(self.model(), self.stages())
    }

    /// The stages of Opportunity.
    pub(crate) fn stages(&self) -> Arc<Stages> {
        Arc::clone(&read(&self.stages))
    }

    /// The server's own URL, without a slash at its end.
    pub(crate) fn base_url(&self) -> &str {
        self.base_url.get().map_or("", String::as_str)
    }

    /// Tells the org where it is served; the first call counts.
    pub(crate) fn served_at(&self, url: String) {
        let _first_wins = self.base_url.set(url);
    }

    /// Milliseconds since 1970, whole seconds: what the service stores.
    pub(crate) fn now(&self) -> i64 {
        (Utc::now().timestamp() + self.options.clock_ahead) * 1000
    }

    /// A new id that belongs to no table: jobs, cursors, deployments.
    pub(crate) fn new_id(&self, prefix: Prefix) -> RecordId {
        RecordId::new(
            prefix,
            self.pod,
            self.numbers.fetch_add(1, Ordering::Relaxed),
        )
    }

    /// The id of a user by position.
    pub(crate) fn user_id(&self, user: u32) -> RecordId {
        RecordId::new(*b"005", self.pod, u64::from(user) + 1)
    }

    /// Puts changed metadata in force and saves it. What deleted fields and objects held goes after that: a process
    /// killed in between meets values whose field it does not know, and drops them.
    pub(crate) fn deploy(&self, metadata: Metadata) -> Result<(), SimError> {
        let Metadata {
            schema,
            grants,
            lead_convert,
        } = metadata;
        let before = self.model();
        {
            let mut model = write(&self.model);
            let mut tables = model.tables.clone();
            for (at, object) in schema.objects().iter().enumerate() {
                let old = model.schema.objects().get(at);
                if let (Some(table), Some(old)) = (tables.get(at), old) {
                    if !object.gone && old.fields.len() != object.fields.len() {
                        let state = |source| SimError::State {
                            path: table.path().to_owned(),
                            source,
                        };
                        table.extend(&names(object), &keys(object)).map_err(state)?;
                    }
                } else {
                    let path = self
                        .options
                        .state
                        .join("rows")
                        .join(format!("{}.log", object.name));
                    let table = open_table(&path, object, |_| ());
                    tables.push(Arc::new(
                        table.map_err(|source| SimError::State { path, source })?,
                    ));
                }
            }
            *model = Arc::new(Model {
                schema,
                tables,
                grants,
                lead_convert,
                pod: self.pod,
            });
        }
        self.forget();
        self.save()?;
        self.clear(&before)
    }

    /// Drops what fields and objects held that were there before and are not now.
    fn clear(&self, before: &Model) -> Result<(), SimError> {
        let model = self.model();
        let pairs = before.schema.objects().iter().zip(model.schema.objects());
        for ((old, new), table) in pairs.zip(&model.tables) {
            let state = |source| SimError::State {
                path: table.path().to_owned(),
                source,
            };
            if new.gone && !old.gone {
                // The table has the file open; a redeployed object begins with one of its own.
                std::fs::remove_file(table.path()).map_err(state)?;
                continue;
            }
            let gone = (0u16..).zip(old.fields.iter().zip(&new.fields));
            let gone: Vec<u16> = gone
                .filter(|(_, (old, new))| new.gone && !old.gone)
                .map(|(at, _)| at)
                .collect();
            if !new.gone && !gone.is_empty() {
                table.clear(&gone).map_err(state)?;
            }
        }
        Ok(())
    }

    /// Drops what was worked out from rows that have changed.
    pub(crate) fn forget(&self) {
        write(&self.access).clear();
        let stages = Stages::read(&self.model());
        *write(&self.stages) = Arc::new(stages);
    }

    /// Saves identity and metadata.
    pub(crate) fn save(&self) -> Result<(), SimError> {
        let model = self.model();
        let custom = |object: &Arc<SObject>| {
            object
                .fields
                .iter()
                .filter(|f| f.custom || f.name == RECORD_TYPE)
                .cloned()
                .collect::<Vec<_>>()
        };
        let grants = model.grants.iter().map(|(set, grants)| {
            let list = grants
                .fields
                .iter()
                .map(|((object, field), grant)| (object.clone(), field.clone(), *grant));
            (set.clone(), list.collect())
        });
        let object_grants = model.grants.iter().map(|(set, grants)| {
            let list = grants.objects.iter();
            let list = list.map(|(object, grant)| (object.clone(), *grant));
            (set.clone(), list.collect())
        });
        let record_types = model.grants.iter().map(|(set, grants)| {
            let list = grants.record_types.iter().cloned();
            (set.clone(), list.collect())
        });
        let objects = model.schema.objects().iter();
        let saved = Saved {
            organization: self.organization.to_string(),
            pod: String::from_utf8_lossy(&self.pod).into_owned(),
            fields: model
                .schema
                .objects()
                .iter()
                .filter(|object| !object.gone)
                .map(|object| (object.name.clone(), custom(object)))
                .collect(),
            grants: grants.collect(),
            objects: objects
                .filter_map(|object| object.definition.clone())
                .collect(),
            object_grants: object_grants.collect(),
            record_types: record_types.collect(),
            retired: model
                .schema
                .retired()
                .iter()
                .map(|prefix| String::from_utf8_lossy(prefix).into_owned())
                .collect(),
            lead_convert: model.lead_convert.clone(),
            user: self.user,
            sandbox: self.options.sandbox,
        };
        let path = self.options.state.join("org.json");
        let bytes = serde_json::to_vec(&saved).map_err(|source| SimError::Decode {
            path: path.clone(),
            source,
        })?;
        replace(&path, &bytes).map_err(|source| SimError::State { path, source })
    }
}

fn load(path: &PathBuf) -> Result<Option<Saved>, SimError> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| SimError::Decode {
                path: path.clone(),
                source,
            }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SimError::State {
            path: path.clone(),
            source,
        }),
    }
}

fn new_identity(options: &SalesforceSimOptions) -> Saved {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut random = rand::rng();
    let mut pod = [0u8; 3];
    for slot in &mut pod {
        *slot = DIGITS[usize::try_from(random.next_u32() % 36).unwrap_or(0)];
    }
    let organization = RecordId::new(*b"00D", pod, u64::from(random.next_u32()));
    Saved {
        organization: organization.to_string(),
        pod: String::from_utf8_lossy(&pod).into_owned(),
        sandbox: options.sandbox,
        ..Saved::default()
    }
}

/// A note is a content document: both objects are told from one table.
fn shared_table(schema: &Schema, tables: &[Arc<Table>], object: &SObject) -> Option<Arc<Table>> {
    if object.name != "ContentNote" {
        return None;
    }
    tables.get(schema.position("ContentDocument")?).cloned()
}

fn names(object: &SObject) -> Vec<String> {
    object
        .fields
        .iter()
        .map(|field| field.name.clone())
        .collect()
}

/// Fields that are looked up often enough to be indexed from the start.
fn keys(object: &SObject) -> Vec<(u16, bool)> {
    let keyed = (0u16..)
        .zip(&object.fields)
        .filter(|(_, field)| field.unique || field.external_id);
    keyed
        .map(|(at, field)| (at, field.case_sensitive))
        .collect()
}

fn open_table(path: &Path, object: &SObject, resumed: impl FnMut(Mark)) -> io::Result<Table> {
    Table::open(path, &names(object), &keys(object), resumed)
}
