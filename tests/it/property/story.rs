//! What is told of a script that did not end as the model says.
//!
//! In: what is wrong, a line each. Out: everything that happened to the records of these scripts, their ids, what was decided about
//! them and what is asked: what happened to a parent may be why.

use std::collections::BTreeSet;

use super::World;

/// The script that a line is about: each has the records of one number's tens.
fn script(line: &str) -> Option<u64> {
    let mut numbers = line.split(|letter: char| !letter.is_ascii_digit());
    let key: u64 = numbers.find(|digits| !digits.is_empty())?.parse().ok()?;
    Some(key / 10)
}

pub(super) fn story(world: &World, wrong: &[String]) -> String {
    let odd: BTreeSet<u64> = wrong.iter().filter_map(|line| script(line)).collect();
    let is_odd = |line: &str| script(line).is_some_and(|of| odd.contains(&of));
    let told = world.told.iter().cloned();
    let told = told.filter(|line| line.starts_with('-') || is_odd(line));
    let ids = world.ids.iter();
    let ids = ids.map(|((object, key), id)| format!("{object} {key} is {id}"));
    let ids = ids.filter(|line| is_odd(line));
    let decisions = world.project.read("config/decisions.csv");
    let decided = decisions.lines().skip(1).filter(|line| is_odd(line));
    let open = "select c.key, c.object, c.field, c.why, c.base, c.ours, c.theirs from recon.conflicts as c where c.state = 'ask'";
    let open = world.project.table(open).into_iter();
    let open = open.map(|row| row.join(" ")).filter(|line| is_odd(line));
    let lines = told
        .chain(ids)
        .chain(decided.map(str::to_owned))
        .chain(open)
        .chain(wrong.iter().cloned());
    lines.collect::<Vec<String>>().join("\n")
}
