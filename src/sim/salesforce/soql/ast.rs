//! The tree of a query. Names are as written; nothing is resolved here.

/// A field, through parents: `Account.Owner.Email` is three names.
pub(super) type Path = Vec<String>;

/// A query.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query {
    pub(super) select: Vec<Item>,
    pub(super) object: String,
    pub(super) filter: Option<Expr>,
    pub(super) group: Vec<Path>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<u64>,
    pub(super) offset: u64,
    pub(super) all_rows: bool,
}

/// One selected thing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Field(Path),
    /// `count()` has no path.
    Aggregate {
        function: Function,
        path: Option<Path>,
        alias: Option<String>,
    },
    /// `FIELDS(ALL)`, `FIELDS(STANDARD)`, `FIELDS(CUSTOM)`.
    Fields(String),
    /// `(select … from Children)`: not supported by the simulator.
    Children,
}

/// Aggregate functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    CountDistinct,
    Min,
    Max,
    Sum,
    Avg,
}

/// One `order by` term.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order {
    pub(super) path: Path,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Path, Comparison, Literal),
    In(Path, Vec<Literal>),
    InQuery(Path, Box<Query>),
    /// `includes`: any of these combinations of multi-select values.
    Includes(Path, Vec<Literal>),
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    Number(String),
    Text(String),
    /// Dates and date-times as written.
    Time(String),
    /// `TODAY`, `LAST_N_DAYS:30`.
    Relative(String, i64),
}
