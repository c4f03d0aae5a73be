//! Claims about loading: what the journal remembers, what the ledger keeps, what becomes of each row of a part.

mod answers;
mod journal;
mod ledger;
mod liveness;
mod parts;
mod support;
