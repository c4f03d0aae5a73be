//! `transload help TOPIC`: pages of the guide beside clap's own help of commands.
//!
//! In: the words after the program's name. Out: a page, or nothing where the words are for clap. Never: the help of a
//! command, which clap prints.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory;

use super::{Cli, Outcome, docs, output};
use crate::config;
use crate::error::Error;
use crate::guide::{self, PAGES};

/// Topics that are made of declarations.
const MADE: [(&str, &str); 2] = [
    (
        "reasons",
        "What every reason and flag means, and what to do",
    ),
    ("tables", "Every table and its columns"),
];

/// The topics, for the end of `transload help`.
pub(super) fn topics() -> String {
    let mut text = String::from("Topics, shown by transload help TOPIC:\n");
    for page in PAGES {
        text.push_str(&format!("  {:13}{}\n", page.name, page.title()));
    }
    for (name, title) in MADE {
        text.push_str(&format!("  {name:13}{title}\n"));
    }
    text
}

/// The page that `help TOPIC` asks for; nothing if this is not such a question, or is one about a command.
pub(super) fn page(words: &[OsString]) -> Option<Result<Cow<'static, str>, Error>> {
    let [help, topic] = words else {
        return None;
    };
    let topic = topic.to_str()?;
    if help != "help" || topic == "help" || topic.starts_with('-') {
        return None;
    }
    if let Some(page) = guide::page(topic) {
        return Some(Ok(page.text.into()));
    }
    match topic {
        "reasons" => return Some(Ok(docs::all_reasons().into())),
        "tables" => return Some(docs::all_tables(Path::new(".")).map(Cow::from)),
        _ => {}
    }
    let program = Cli::command();
    if program.find_subcommand(topic).is_some() {
        return None;
    }
    let commands = program.get_subcommands().map(clap::Command::get_name);
    let topics = PAGES.iter().map(|page| page.name);
    let topics = topics.chain(MADE.iter().map(|(name, _)| *name));
    let nearest = config::nearest(topic, commands.chain(topics));
    let nearest = nearest.map(|name| format!("transload help {name}"));
    let otherwise = "`transload help` lists commands and topics";
    Some(Err(Error::unknown(
        "command or topic",
        topic,
        nearest,
        otherwise,
    )))
}

/// Shows a page.
pub(super) fn show(page: Result<Cow<'static, str>, Error>) -> Result<Outcome, Error> {
    output::data(&page?)?;
    Ok(Outcome::Fine)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn topics_of_the_guide_are_shown_and_commands_left_to_clap() {
        let text = asked("rules").unwrap().unwrap();
        assert!(text.starts_with("# Rules of the migration"));
        for command in ["run", "schema", "sim", "help", "--help"] {
            assert!(asked(command).is_none(), "{command}");
        }
        assert!(page(&["run".into(), "rules".into()]).is_none());
        let nested = Cli::try_parse_from(["transload", "help", "schema", "plan"]).unwrap_err();
        assert_eq!(nested.kind(), ErrorKind::DisplayHelp);
    }

    #[test]
    fn an_unknown_topic_of_the_guide_names_the_nearest() {
        let error = asked("optoins").unwrap().unwrap_err();
        assert_eq!(
            error.hint().unwrap(),
            "did you mean `transload help options`?"
        );
        let error = asked("zzz").unwrap().unwrap_err();
        assert_eq!(
            error.hint().unwrap(),
            "`transload help` lists commands and topics"
        );
    }

    #[test]
    fn no_page_of_the_guide_hides_a_command() {
        for page in PAGES {
            assert!(
                Cli::command().find_subcommand(page.name).is_none(),
                "{}",
                page.name
            );
        }
    }

    #[test]
    fn help_lists_the_topics_of_the_guide() {
        let help = Cli::command().render_help().to_string();
        for page in PAGES {
            assert!(help.contains(page.title()), "{}", page.name);
        }
    }

    #[test]
    fn every_command_line_of_the_guide_is_one_that_the_program_knows() {
        let readme = include_str!("../../README.md");
        let texts = PAGES.iter().map(|page| page.text).chain([readme]);
        let mut checked = 0;
        for line in texts.flat_map(console_lines) {
            let words = words(line);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let arguments = match words.as_slice() {
                ["transload", arguments @ ..] | ["cargo", "run", "--", arguments @ ..] => arguments,
                _ => continue,
            };
            checked += 1;
            let os: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            if let Some(page) = page(&os) {
                page.unwrap();
                continue;
            }
            if let Err(error) = Cli::try_parse_from(["transload"].iter().chain(arguments)) {
                assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{line}\n{error}");
            }
        }
        assert!(checked > 30, "{checked}");
    }

    #[test]
    fn every_topic_that_the_guide_refers_to_is_there() {
        let readme = include_str!("../../README.md");
        for text in PAGES.iter().map(|page| page.text).chain([readme]) {
            for rest in text.split("transload help ").skip(1) {
                let word: String = rest
                    .chars()
                    .take_while(char::is_ascii_alphanumeric)
                    .collect();
                if word == "TOPIC" {
                    continue;
                }
                assert!(asked(&word).is_none_or(|page| page.is_ok()), "{word}");
            }
        }
    }

    fn asked(topic: &str) -> Option<Result<Cow<'static, str>, Error>> {
        page(&["help".into(), topic.into()])
    }

    /// What is typed in blocks marked `console`: lines after `$ `.
    fn console_lines(text: &str) -> impl Iterator<Item = &str> {
        let mut console = false;
        text.lines().filter_map(move |line| {
            if line.starts_with("```") {
                console = line == "```console";
            }
            line.strip_prefix("$ ").filter(|_| console)
        })
    }

    /// A line as a shell cuts it: double quotes with `\"` inside, a comment after `#`.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quoted = false;
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '"' => {
                    quoted = !quoted;
                    word.get_or_insert_default();
                }
                '\\' if quoted => word.get_or_insert_default().extend(letters.next()),
                ' ' if !quoted => words.extend(word.take()),
                '#' if !quoted && word.is_none() => break,
                _ => word.get_or_insert_default().push(letter),
            }
        }
        words.extend(word);
        words
    }
}
