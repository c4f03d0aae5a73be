//! Running a query job: SOQL → a result CSV in the state folder.
//!
//! In: a job that waits. Out: its result file, and the job in a terminal state. Memory does not grow with the result.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Instant;

use super::super::org::Org;
use super::super::soql::{Plan, parse};
use super::job::{LineEnding, State};
use super::query::QueryJob;

/// Runs a query job to its end.
pub(super) fn process(org: &Arc<Org>, job: &QueryJob) -> io::Result<()> {
    if job.status().state.terminal() {
        return Ok(());
    }
    let started = Instant::now();
    let mut begun = false;
    job.change(|status| {
        begun = matches!(status.state, State::UploadComplete | State::InProgress);
        if begun {
            status.state = State::InProgress;
        }
    })?;
    if !begun {
        return Ok(());
    }
    let all = job.spec.operation == "queryAll";
    let plan = parse(&job.spec.query)
        .and_then(|query| Plan::new(org.view(), &org.access(job.user), &query, all));
    let written = match &plan {
        Ok(plan) => Some(write_results(job, plan)?),
        Err(_) => None,
    };
    job.change(|status| {
        status.total_ms = u64::try_from(started.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        match (&plan, written) {
            (Ok(_), Some((sets, rows, end))) if status.state == State::InProgress => {
                (status.state, status.sets, status.rows, status.end) =
                    (State::JobComplete, sets, rows, end);
            }
            (Err(error), _) if status.state == State::InProgress => {
                status.state = State::Failed;
                status.error = Some(format!("{} : {}", error.code, error.message));
            }
            _ => {}
        }
    })?;
    Ok(())
}

fn write_results(job: &QueryJob, plan: &Plan) -> io::Result<(Vec<u64>, u64, u64)> {
    let (delimiter, newline): (u8, &[u8]) = match job.spec.line_ending {
        LineEnding::Lf => (job.spec.column_delimiter.byte(), b"\n"),
        LineEnding::Crlf => (job.spec.column_delimiter.byte(), b"\r\n"),
    };
    let mut file = BufWriter::with_capacity(1 << 18, crate::private::create(&job.results())?);
    let mut line = Vec::new();
    plan.csv_header(delimiter, &mut line);
    line.extend_from_slice(newline);
    file.write_all(&line)?;
    let (mut at, mut rows, mut sets) = (line.len() as u64, 0u64, Vec::new());
    let mut failed = None;
    plan.scan(|position, row| {
        if rows % job.set_rows == 0 {
            sets.push(at);
        }
        line.clear();
        plan.csv_row(delimiter, position, row, &mut line);
        line.extend_from_slice(newline);
        at += line.len() as u64;
        rows += 1;
        failed = file.write_all(&line).err();
        failed.is_none() && (rows % 4096 != 0 || job.status().state == State::InProgress)
    });
    match failed {
        Some(error) => Err(error),
        None => file.flush().map(|()| (sets, rows, at)),
    }
}
