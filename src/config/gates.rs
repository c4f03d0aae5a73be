//! `[gates]`: what a phase may show and still let the next one begin.

use serde::Deserialize;

macro_rules! gates {
    ($($(#[doc = $says:literal])+ $name:ident: $kind:ty = $default:expr,)+) => {
        /// The `[gates]` section.
        #[derive(Clone, Copy, Debug, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Gates {
            $($(#[doc = $says])+ pub $name: $kind,)+
        }

        impl Default for Gates {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Gates {
            /// Name, value and meaning of each.
            #[must_use]
            pub fn listed(&self) -> Vec<(&'static str, String, String)> {
                vec![$((
                    stringify!($name),
                    self.$name.to_string(),
                    [$($says),+].concat().trim().to_owned(),
                ),)+]
            }
        }
    };
}

gates! {
    /// Failed rows, in percent of the rows sent.
    max_failed_percent: f64 = 0.5,
    /// Rows Salesforce never answered for.
    max_unprocessed: u64 = 0,
    /// Rows and fields that differ on read-back.
    max_differences: u64 = 0,
    /// Rows of a file that cannot be read, in percent of its rows; beyond it nothing is sent.
    max_rejected_percent: f64 = 2.0,
    /// As many such rows shut no gate, unless they are half of their file.
    max_rejected_rows: u64 = 2,
    /// Cells of a column that cannot be read, in percent of its cells; beyond it the run is no success.
    max_unreadable_percent: f64 = 50.0,
    /// Rows of a load that are held, in percent of those that would move.
    max_held_percent: f64 = 99.0,
    /// As many held rows shut no gate.
    max_held_rows: u64 = 3,
    /// Records of a load whose rows the source no longer has, in percent of its records; beyond it none is flagged or deleted.
    max_delete_share: f64 = 1.0,
    /// A user who changes more than this share of a load's records within ten minutes is taken for an automation, in percent.
    storm_percent: f64 = 5.0,
}

/// The gates as a Markdown table, printed from their declarations.
#[must_use]
pub fn gate_table() -> String {
    let mut table = String::from("| gate | default | means |\n|---|---|---|\n");
    for (name, default, says) in Gates::default().listed() {
        table.push_str(&format!("| `{name}` | {default} | {says} |\n"));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_each_gate_with_its_default() {
        let table = gate_table();
        assert!(
            crate::guide::page("options").unwrap().text.contains(&table),
            "src/guide/options.md must contain this table:\n{table}"
        );
    }
}
