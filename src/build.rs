//! Which commit a release is made of, for `transload --version`.
//!
//! In: git, where there is one. Out: `TRANSLOAD_COMMIT`; a build without optimisation says only that it is one, so that a commit
//! compiles nothing anew.

use std::process::Command;

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script the profile in no other way"
)]
fn main() {
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = if release { commit() } else { None };
    let commit = match (release, commit) {
        (true, Some(commit)) => format!("commit {commit}"),
        (true, None) => "commit unknown".to_owned(),
        (false, _) => "development build".to_owned(),
    };
    println!("cargo::rustc-env=TRANSLOAD_COMMIT={commit}");
    println!("cargo::rerun-if-changed=src/build.rs");
    if release {
        for name in ["HEAD", "logs/HEAD"] {
            if let Some(path) = git(&["rev-parse", "--git-path", name]) {
                println!("cargo::rerun-if-changed={path}");
            }
        }
    }
}

fn commit() -> Option<String> {
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(match changed.is_empty() {
        true => commit,
        false => format!("{commit} with changes"),
    })
}

fn git(arguments: &[&str]) -> Option<String> {
    let done = Command::new("git").args(arguments).output().ok()?;
    done.status.success().then_some(())?;
    Some(String::from_utf8(done.stdout).ok()?.trim().to_owned())
}
