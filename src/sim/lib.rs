//! Stand-ins for the two services at the ends of a migration, spoken to over HTTP only.
//!
//! In: requests that any client of the real service would send. Out: what the service would answer, and a state folder
//! that several commands in a row can share. Nothing here uses a type or a function of the rest of the crate, and the
//! rest uses only what starts them ([`salesforce::OpenedOrg`], [`salesforce::Simulator`], [`usercom::Server`]) and their
//! options: a misreading of the API
//! must not be able to pass on both sides.

mod from_here;
mod page;
mod private;
pub mod salesforce;
pub mod usercom;
