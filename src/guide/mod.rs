//! The guide: pages for people, the same on the terminal (`transload help TOPIC`) and here.
//!
//! In: the Markdown files beside this one. Out: modules without code for rustdoc, and [`PAGES`] for the command line.
//! Never: text that is written anywhere else, or the name of a command for a page.

/// A page of the guide.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Its name on the command line, and its file's.
    pub name: &'static str,
    /// Markdown.
    pub text: &'static str,
}

impl Page {
    /// Its heading, without the mark.
    #[must_use]
    pub fn title(&self) -> &'static str {
        let first = self.text.lines().next().unwrap_or_default();
        first.trim_start_matches(['#', ' '])
    }
}

macro_rules! pages {
    ($($name:ident $file:literal)*) => {
        $(#[doc = include_str!($file)] pub mod $name {})*

        /// All pages: first those for people who migrate, then those for people who work on the program.
        pub const PAGES: &[Page] = &[$(Page {
            name: stringify!($name),
            text: include_str!($file),
        }),*];
    };
}

pages! {
    start "start.md"
    project "project.md"
    options "options.md"
    destinations "destinations.md"
    extracting "extracting.md"
    org "org.md"
    matches "matches.md"
    edits "edits.md"
    deletions "deletions.md"
    documents "documents.md"
    recovery "recovery.md"
    machines "machines.md"
    rows "rows.md"
    undoing "undoing.md"
    golive "golive.md"
    exit "exit.md"
    sql "sql.md"
    testing "testing.md"
    simulators "simulators.md"
    scope "scope.md"
    speed "speed.md"
    design "design.md"
    rules "rules.md"
    engine "engine.md"
    salesforce "salesforce.md"
    usercom "usercom.md"
}

/// The page of this name.
#[must_use]
pub fn page(name: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.name == name)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    const README: &str = include_str!("../../README.md");

    #[test]
    fn every_page_opens_with_its_title_and_every_file_is_a_page() {
        for page in PAGES {
            assert!(page.text.starts_with("# "), "{}", page.name);
            assert!(!page.title().is_empty(), "{}", page.name);
        }
        let mut files: Vec<String> = std::fs::read_dir(root().join("src/guide"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
            .collect();
        let mut pages: Vec<String> = PAGES.iter().map(|page| page.name.to_owned()).collect();
        files.sort();
        pages.sort();
        assert_eq!(files, pages);
    }

    #[test]
    fn every_relative_link_names_a_file() {
        for (folder, text) in texts() {
            for link in links(text) {
                let file = link.split('#').next().unwrap_or_default();
                assert!(
                    link.starts_with("https://") || file.is_empty() || folder.join(file).exists(),
                    "{}: {link}",
                    folder.display()
                );
            }
        }
    }

    #[test]
    fn code_blocks_say_what_they_hold() {
        for (_, text) in texts() {
            let mut inside = false;
            for line in text.lines().filter(|line| line.starts_with("```")) {
                if !inside {
                    let holds = line.trim_start_matches('`');
                    assert!(
                        ["text", "console", "sql", "toml"].contains(&holds),
                        "{line}"
                    );
                }
                inside = !inside;
            }
            assert!(!inside, "a code block is not closed");
        }
    }

    #[test]
    fn rules_sections_and_blocks_keep_their_numbers() {
        for rule in 1..=40 {
            let start = format!("\n**{rule}. ");
            assert_eq!(page_text("rules").matches(&start).count(), 1, "{rule}");
        }
        for (name, numbers) in [("design", 1..=10), ("engine", 1..=11)] {
            for number in numbers {
                let start = format!("\n## {number}. ");
                assert_eq!(
                    page_text(name).matches(&start).count(),
                    1,
                    "{name} {number}"
                );
            }
        }
    }

    #[test]
    fn every_reference_of_the_code_names_a_section() {
        const GONE: [&str; 5] = [
            "`rules.md",
            "`design.md",
            "engine-notes",
            "reference/salesforce.md",
            "reference/usercom.md",
        ];
        let mut checked = 0;
        let mut folders = vec![root().join("src"), root().join("tests")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path == root().join("src/guide") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if path
                    .extension()
                    .is_some_and(|end| end == "rs" || end == "slt")
                {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let gone = GONE.iter().find(|name| text.contains(*name));
                    assert_eq!(gone, None, "{}", path.display());
                    for (name, number) in references(&text) {
                        let text = page_text(&name);
                        let found = [
                            format!("\n## {number}. "),
                            format!("\n### {number} "),
                            format!("\n**{number}. "),
                            format!("\n- **{number}** "),
                        ];
                        assert!(
                            found.iter().any(|start| text.contains(start)),
                            "{}: guide/{name}.md {number}",
                            path.display()
                        );
                        checked += 1;
                    }
                }
            }
        }
        assert!(checked > 150, "{checked}");
    }

    #[test]
    fn the_readme_is_short_and_has_its_two_commands() {
        assert!(README.lines().count() <= 150);
        assert!(README.contains("run --project data/demo"));
        assert!(README.contains("cargo test"));
    }

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    fn page_text(name: &str) -> &'static str {
        page(name).unwrap().text
    }

    /// Each text with the folder that its links start from.
    fn texts() -> impl Iterator<Item = (PathBuf, &'static str)> {
        let pages = PAGES
            .iter()
            .map(|page| (root().join("src/guide"), page.text));
        pages.chain([(root().to_owned(), README)])
    }

    /// Targets of `[…](…)`.
    fn links(text: &str) -> impl Iterator<Item = &str> {
        text.split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
    }

    /// Page and section of everything like `` `guide/rules.md` 18, 20 `` and `` `guide/salesforce.md` §1.2 ``.
    fn references(text: &str) -> Vec<(String, String)> {
        // A reference may go on in the next line of its comment.
        let text = text
            .replace("\n//! ", " ")
            .replace("\n/// ", " ")
            .replace("\n    /// ", " ");
        let mut found = Vec::new();
        for rest in text.split("guide/").skip(1) {
            let Some((name, rest)) = rest.split_once(".md") else {
                continue;
            };
            if page(name).is_none() {
                continue;
            }
            let mut rest = rest.trim_start_matches('`');
            loop {
                rest = rest.trim_start_matches([' ', '§']);
                let end = rest
                    .find(|c: char| !c.is_ascii_digit() && c != '.')
                    .unwrap_or(rest.len());
                let number = rest[..end].trim_end_matches('.');
                if number.is_empty() {
                    break;
                }
                found.push((name.to_owned(), number.to_owned()));
                rest = rest[end..].trim_start_matches([',', '–']);
                if !rest
                    .trim_start_matches([' ', '§'])
                    .starts_with(|c: char| c.is_ascii_digit())
                {
                    break;
                }
            }
        }
        found
    }
}
