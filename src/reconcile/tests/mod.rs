//! Claims about reconciliation: what counts as the same value, what differs, whether the books balance, what is sampled.

mod accepted;
mod accounting;
mod coercion;
mod differences;
mod org;
mod sample;
