//! `transload` moves a company's CRM from User.com to Salesforce Sales Cloud.
pub mod config;
pub mod encode;
pub mod engine;
pub mod load;
pub mod mapping;
pub mod salesforce;
pub mod staging;
pub mod transform;
