//! Threads that process jobs.
//!
//! In: tasks with the moment from which they may run. Out: tasks run, each by one thread, in the order of their moments.
//! A thread ends when it is told to and its present task is done; what is still waiting is met again at the next start.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::deploy::{Deployment, carry_out};
use super::super::lock::lock;
use super::super::org::Org;
use super::job::IngestJob;
use super::query::QueryJob;
use super::{process, query_run};

/// Threads where jobs must get into each other's way.
const SIDE_BY_SIDE: usize = 5;

/// Something to process.
pub(crate) enum Task {
    /// An ingest job whose upload is complete.
    Ingest(Arc<IngestJob>),
    /// A query job.
    Query(Arc<QueryJob>),
    /// A metadata deployment.
    Deploy(Arc<Deployment>),
}

#[derive(Default)]
struct Queue {
    tasks: Vec<(Instant, Task)>,
    closed: bool,
}

/// The threads of one org.
#[derive(Default)]
pub(crate) struct Workers {
    queue: Mutex<Queue>,
    news: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    /// Starts the threads and queues what an earlier run left.
    pub(crate) fn start(self: &Arc<Self>, org: &Arc<Org>) -> std::io::Result<()> {
        for job in org.ingest.unfinished() {
            self.push(org, Task::Ingest(job));
        }
        for job in org.queries.unfinished() {
            self.push(org, Task::Query(job));
        }
        let least = if org.options.locks { SIDE_BY_SIDE } else { 1 };
        for number in 0..org.options.job_threads.max(least) {
            let (workers, org) = (Arc::clone(self), Arc::clone(org));
            let thread = std::thread::Builder::new().name(format!("sim-job-{number}"));
            lock(&self.threads).push(thread.spawn(move || workers.work(&org))?);
        }
        Ok(())
    }

    /// Queues a task.
    pub(crate) fn push(&self, org: &Org, task: Task) {
        let number = match &task {
            Task::Ingest(job) => job.number(),
            Task::Query(job) => job.number(),
            Task::Deploy(_) => 0,
        };
        let longest = u64::try_from(org.options.max_job_delay.as_millis()).unwrap_or(u64::MAX);
        let delay = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % longest.saturating_add(1);
        lock(&self.queue)
            .tasks
            .push((Instant::now() + Duration::from_millis(delay), task));
        self.news.notify_one();
    }

    /// Waits for the present tasks and ends the threads.
    pub(crate) fn stop(&self) {
        lock(&self.queue).closed = true;
        self.news.notify_all();
        for thread in lock(&self.threads).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a job thread of the simulator panicked");
            }
        }
    }

    fn next(&self) -> Option<Task> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                return None;
            }
            let now = Instant::now();
            let earliest = queue
                .tasks
                .iter()
                .enumerate()
                .min_by_key(|(_, (at, _))| *at)
                .map(|(n, (at, _))| (n, *at));
            let wait = match earliest {
                Some((number, at)) if at <= now => return Some(queue.tasks.remove(number).1),
                Some((_, at)) => at - now,
                None => Duration::from_secs(3600),
            };
            queue = self
                .news
                .wait_timeout(queue, wait)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn work(&self, org: &Arc<Org>) {
        while let Some(task) = self.next() {
            let result = match &task {
                Task::Ingest(job) => process::process(org, job),
                Task::Query(job) => query_run::process(org, job),
                Task::Deploy(deployment) => {
                    carry_out(org, deployment).map_err(std::io::Error::other)
                }
            };
            if let Err(error) = result {
                tracing::error!(%error, "simulator job failed");
                if let Task::Ingest(job) = &task {
                    job.fail(&error);
                }
            }
        }
    }
}
