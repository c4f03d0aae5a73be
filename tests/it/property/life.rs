//! What people do to whole records: sales converts Leads, somebody merges companies.
//!
//! In: records of the model that are in the org. Out: both done in the org and written down in the model. Never: a delta.

use reqwest::Method;
use serde_json::json;

use super::model::first_company;
use super::{PARENTS, World};
use crate::org::Org;

/// Who does it: not the user of the migration.
const SALES: &str = "ann@acme.example.crm";

impl World {
    /// Sales converts some Leads into contacts of their script's first company.
    pub(super) fn convert(&mut self, org: &Org) {
        for of in self.all() {
            let (object, key) = of;
            let record = &self.model.records[&of];
            let can = object == "Lead" && record.is_made && !record.is_deleted;
            if !can || !self.chance.once_in(8) {
                continue;
            }
            let company = self.model.survivor(first_company(key).parse().unwrap());
            let wanted = json!({
                "id": self.ids[&of],
                "account": self.ids[&("Account", company)],
                "opportunity": false,
                "user": SALES,
            });
            let made = org.control(Method::POST, "convert_lead", Some(wanted));
            let contact = made["contact"].as_str().unwrap().to_owned();
            self.ids.insert(("Contact", key), contact);
            self.model.convert(key);
            self.model.fill(key);
            self.told.push(format!("Lead {key} converted by sales"));
            self.told
                .push(format!("Contact {key} was a Lead that sales converted"));
        }
    }

    /// Somebody merges a company of a script into one before it.
    pub(super) fn merge(&mut self, org: &Org) {
        for of in self.all() {
            let (object, loser) = of;
            let place = loser % 10;
            let is_parent = object == "Account" && (2..=PARENTS).contains(&place);
            if !is_parent || self.model.is_merged(of) || !self.chance.once_in(8) {
                continue;
            }
            let master = loser / 10 * 10 + 1 + self.chance.below(place - 1);
            // What lies in the recycle bin keeps the company that it had.
            let name = Some(loser.to_string());
            let mut binned = self
                .model
                .records
                .values()
                .filter(|record| record.is_deleted);
            if self.model.is_merged(("Account", master))
                || binned.any(|record| record.theirs.get("AccountId") == Some(&name))
            {
                continue;
            }
            let [kept, lost] = [master, loser].map(|key| self.ids[&("Account", key)].clone());
            let merge = json!({"master": kept, "losers": [lost], "user": SALES});
            org.control(Method::POST, "merge", Some(merge));
            self.model.merge(loser, master);
            self.told
                .push(format!("Account {loser} merged into {master}"));
        }
    }
}
