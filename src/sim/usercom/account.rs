//! A simulated account: its rows, and how it is served right now.
//!
//! In: [`UsercomSimOptions`] and an export folder. Out: rows by id, by parent, by page. Shared by all requests; rows change only
//! through control requests and churn.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::SystemTime;

use chrono::{DateTime, Duration, Utc};

use super::definitions::Definitions;
use super::error::UsercomSimError;
use super::export_files::ExportFiles;
use super::faults::Faults;
use super::loading::{self, Contents, Loaded};
use super::objects::Object;
use super::options::{Bug, UsercomSimOptions};
use super::record::Record;
use super::stats::Stats;
use super::table::Table;
use super::throttle::Throttle;

/// The account.
pub(super) struct Account {
    /// The key at start: it steers the account also while another one is asked for.
    first_key: String,
    now: RwLock<UsercomSimOptions>,
    tables: BTreeMap<Object, RwLock<Table>>,
    pub(super) definitions: Definitions,
    pub(super) undeclared: BTreeMap<Object, Vec<String>>,
    pub(super) faults: Faults,
    pub(super) stats: Stats,
    pub(super) throttle: Throttle,
    pub(super) pages: Mutex<PageCount>,
    pub(super) exports: ExportFiles,
    /// The last filtered list, because its pages are asked for one after the other.
    pub(super) filtered: Mutex<Option<Filtered>>,
}

/// How many pages of lively lists were answered, and how many changes that caused.
#[derive(Default)]
pub(super) struct PageCount {
    pub(super) answered: u64,
    pub(super) changes: u64,
}

/// Rows that a filter lets pass.
pub(super) struct Filtered {
    pub(super) filter: (i64, i64),
    pub(super) changes: u64,
    pub(super) places: Vec<u32>,
}

impl Account {
    /// Reads the export. Blocking.
    pub(super) fn open(options: UsercomSimOptions) -> Result<(Self, Loaded), UsercomSimError> {
        let faults = Faults::open(
            options.scenario.as_deref(),
            options.fault_percent,
            options.fault_seed,
        )?;
        let (contents, loaded) = loading::load(&options.export, &options.state.join("rows"))?;
        let exports = ExportFiles::open(&options.state.join("exports"))?;
        let Contents {
            tables,
            definitions,
            undeclared,
            ..
        } = contents;
        let tables = tables
            .into_iter()
            .map(|(object, table)| (object, RwLock::new(table)));
        let account = Self {
            first_key: options.token.clone(),
            now: RwLock::new(options),
            tables: tables.collect(),
            definitions,
            undeclared,
            faults,
            stats: Stats::default(),
            throttle: Throttle::default(),
            pages: Mutex::default(),
            exports,
            filtered: Mutex::new(None),
        };
        Ok((account, loaded))
    }

    /// How it is served right now.
    pub(super) fn now(&self) -> RwLockReadGuard<'_, UsercomSimOptions> {
        self.now.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, to be changed.
    pub(super) fn change(&self) -> RwLockWriteGuard<'_, UsercomSimOptions> {
        self.now.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether whoever has this key may steer the account.
    pub(super) fn may_control(&self, key: &str) -> bool {
        key == self.first_key || key == self.now().token
    }

    /// Whether the account has a bug.
    pub(super) fn has(&self, bug: Bug) -> bool {
        self.now().bugs.contains(&bug)
    }

    /// The rows of an object.
    pub(super) fn table(&self, object: Object) -> RwLockReadGuard<'_, Table> {
        self.tables[&object]
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, to be changed.
    pub(super) fn table_to_change(&self, object: Object) -> RwLockWriteGuard<'_, Table> {
        self.tables[&object]
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A row by its id.
    pub(super) fn row(&self, object: Object, id: i64) -> Result<Option<Record>, UsercomSimError> {
        let table = self.table(object);
        table.find(id).map(|place| table.read(place)).transpose()
    }

    /// The rows that belong to a record.
    pub(super) fn rows_of(
        &self,
        object: Object,
        parent: i64,
    ) -> Result<Vec<Record>, UsercomSimError> {
        let table = self.table(object);
        table
            .of(parent)
            .into_iter()
            .map(|place| table.read(place))
            .collect()
    }

    /// The time on the account's clock.
    pub(super) fn clock(&self) -> DateTime<Utc> {
        let skew = Duration::try_seconds(self.now().date_skew).unwrap_or_default();
        let now = DateTime::<Utc>::from(SystemTime::now());
        now.checked_add_signed(skew).unwrap_or(now)
    }
}
