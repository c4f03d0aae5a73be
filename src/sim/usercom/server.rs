//! Starts and stops a simulated account.
//!
//! In: [`UsercomSimOptions`], a bound socket and a signal to stop. Out: a server that runs until it is told to stop.

use std::future::Future;
use std::sync::Arc;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use super::account::Account;
use super::error::UsercomSimError;
use super::http::router;
use super::loading::Loaded;
use super::options::UsercomSimOptions;

/// An account ready to be served.
pub struct Server {
    account: Arc<Account>,
    loaded: Loaded,
}

impl Server {
    /// Reads the export into the state folder. It takes about three seconds for 100,000 people, with 30 MB of
    /// memory for them.
    ///
    /// # Errors
    /// [`UsercomSimError`] if the export cannot be read, the state not be written, or the fault file not be understood.
    pub async fn open(options: UsercomSimOptions) -> Result<Self, UsercomSimError> {
        let opened = tokio::task::spawn_blocking(move || Account::open(options)).await;
        let (account, loaded) = opened.map_err(|_| UsercomSimError::Thread)??;
        Ok(Self {
            account: Arc::new(account),
            loaded,
        })
    }

    /// What the account holds, and what was left out.
    #[must_use]
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Serves the account on a bound socket until `shutdown` is ready; running requests are answered first.
    ///
    /// # Errors
    /// [`UsercomSimError::Serve`].
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), UsercomSimError> {
        // Small answers would wait for the client's acknowledgement of the one before.
        let listener = listener.tap_io(|stream| {
            let _slower_at_worst = stream.set_nodelay(true);
        });
        axum::serve(listener, router(self.account))
            .with_graceful_shutdown(shutdown)
            .await
            .map_err(UsercomSimError::Serve)
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Server")
            .field("loaded", &self.loaded)
            .finish_non_exhaustive()
    }
}
