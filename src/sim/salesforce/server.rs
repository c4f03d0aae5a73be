//! Starts and stops a simulated org.
//!
//! In: [`SalesforceSimOptions`] and a socket, or nothing but options. Out: a server that runs until it is told to stop. Stopping lets
//! running requests and job chunks finish; killing the process loses only what was not answered.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::RustlsConfig;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::bulk::Workers;
use super::error::SimError;
use super::options::SalesforceSimOptions;
use super::rest::{App, router};
use super::setup;
use super::tls::server_config;

/// File of the state folder with the token for control requests, new at each start.
pub const CONTROL_TOKEN: &str = "control.token";

/// How long running requests may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// An org ready to be served, with its state folder as clients may read it, and its certificate if it is served over https.
pub struct OpenedOrg {
    listener: TcpListener,
    app: App,
    tls: Option<RustlsConfig>,
}

impl OpenedOrg {
    /// Opens an org for a bound socket. The org's URL is that of the socket, `https` if [`SalesforceSimOptions::tls`] is set.
    pub async fn open(
        listener: TcpListener,
        options: SalesforceSimOptions,
    ) -> Result<Self, SimError> {
        let address = listener.local_addr().map_err(SimError::Listen)?;
        let opened = tokio::task::spawn_blocking(move || setup::open(options)).await;
        let org = opened.map_err(|_| SimError::Thread)??;
        let scheme = if org.options.tls { "https" } else { "http" };
        org.served_at(format!("{scheme}://{address}"));
        let path = org.options.state.join(CONTROL_TOKEN);
        crate::private::write(&path, org.sessions.control().as_bytes())
            .map_err(|source| SimError::State { path, source })?;
        let tls = if org.options.tls {
            Some(RustlsConfig::from_config(server_config(&org.options)?))
        } else {
            None
        };
        let app = App {
            org,
            workers: Arc::new(Workers::default()),
        };
        Ok(Self { listener, app, tls })
    }

    /// Its address, `http://127.0.0.1:<port>` or `https://…`.
    pub fn url(&self) -> String {
        self.app.org.base_url().to_owned()
    }

    /// Serves it until `shutdown` is ready.
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), SimError> {
        run(self, shutdown).await
    }
}

impl std::fmt::Debug for OpenedOrg {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("OpenedOrg")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

async fn run(
    opened: OpenedOrg,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), SimError> {
    let OpenedOrg { listener, app, tls } = opened;
    let handle = Handle::new();
    let socket = listener.into_std().map_err(SimError::Listen)?;
    let service = router(app.clone()).into_make_service();
    app.workers.start(&app.org).map_err(SimError::Serve)?;
    let stopping = {
        let handle = handle.clone();
        async move {
            shutdown.await;
            handle.graceful_shutdown(Some(GRACE));
            std::future::pending::<()>().await;
        }
    };
    // Without `NoDelayAcceptor` the end of an answer in pieces waits 40 ms for the client's acknowledgement of the pieces before.
    let served = async {
        if let Some(config) = tls {
            let server = axum_server::from_tcp_rustls(socket, config).map_err(SimError::Listen)?;
            server
                .map(|tls| tls.acceptor(NoDelayAcceptor::new()))
                .handle(handle)
                .serve(service)
                .await
                .map_err(SimError::Serve)
        } else {
            let server = axum_server::from_tcp(socket).map_err(SimError::Listen)?;
            server
                .acceptor(NoDelayAcceptor::new())
                .handle(handle)
                .serve(service)
                .await
                .map_err(SimError::Serve)
        }
    };
    let result = tokio::select! {
        result = served => result,
        () = stopping => Ok(()),
    };
    app.org.stopping.store(true, Ordering::Relaxed);
    let workers = Arc::clone(&app.workers);
    tokio::task::spawn_blocking(move || workers.stop())
        .await
        .map_err(|_| SimError::Thread)?;
    result
}

/// A simulated org in this process, on a free loopback port and threads of its own.
///
/// Dropping it asks it to stop; [`Simulator::shutdown`] waits until it has.
pub struct Simulator {
    url: String,
    control_token: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), SimError>>>,
}

impl Simulator {
    /// Opens the org and serves it.
    pub async fn start(options: SalesforceSimOptions) -> Result<Self, SimError> {
        let (ready, started) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("simulator".to_owned());
        let thread = thread.spawn(move || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let runtime = builder
                .worker_threads(2)
                .thread_name("sim-http")
                .enable_all()
                .build();
            let runtime = runtime.map_err(SimError::Listen)?;
            runtime.block_on(async move {
                let listener = TcpListener::bind(("127.0.0.1", 0))
                    .await
                    .map_err(SimError::Listen)?;
                let opened = OpenedOrg::open(listener, options).await?;
                let org = &opened.app.org;
                let told =
                    ready.send((org.base_url().to_owned(), org.sessions.control().to_owned()));
                if told.is_err() {
                    return Ok(());
                }
                let shutdown = async {
                    let _stopped_or_dropped = stopped.await;
                };
                opened.serve(shutdown).await
            })
        });
        let thread = thread.map_err(SimError::Listen)?;
        match started.await {
            Ok((url, control_token)) => Ok(Self {
                url,
                control_token,
                stop: Some(stop),
                thread: Some(thread),
            }),
            Err(_) => match thread.join() {
                Ok(Err(error)) => Err(error),
                _ => Err(SimError::Thread),
            },
        }
    }

    /// `http://127.0.0.1:<port>` or `https://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What control requests carry as `Authorization: Bearer …`.
    pub fn control_token(&self) -> &str {
        &self.control_token
    }

    /// Stops the server and waits for running work.
    pub async fn shutdown(mut self) -> Result<(), SimError> {
        if let Some(stop) = self.stop.take() {
            let _already_stopped = stop.send(());
        }
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        let joined = tokio::task::spawn_blocking(move || thread.join())
            .await
            .map_err(|_| SimError::Thread)?;
        joined.unwrap_or(Err(SimError::Thread))
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Simulator")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
