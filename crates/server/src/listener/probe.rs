//! `/health`: the process lives. `/ready`: it takes requests, and the database takes writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::web::{self, Data, ServiceConfig};
use chancery_core::port::Database;
use serde_json::json;
use tokio::sync::Mutex;

/// The database is asked at most this often, however many ask us.
const FRESH: Duration = Duration::from_secs(1);
/// A database that takes longer is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether this node takes requests.
pub struct Readiness {
    database: Arc<dyn Database>,
    taking: Arc<AtomicBool>,
    last: Mutex<Option<(Instant, Result<(), &'static str>)>>,
}

impl Readiness {
    /// Ready as long as the database answers.
    pub fn new(database: Arc<dyn Database>) -> Self {
        Self { database, taking: Arc::new(AtomicBool::new(true)), last: Mutex::new(None) }
    }

    /// From now on not ready: load balancers send requests elsewhere.
    pub fn stop(&self) {
        self.taking.store(false, Ordering::Release);
    }

    /// Turned off by [`Readiness::stop`]; for doors that tell it in their own way.
    pub fn taking(&self) -> Arc<AtomicBool> {
        self.taking.clone()
    }

    /// Ready, or why not.
    pub async fn state(&self) -> Result<(), &'static str> {
        if !self.taking.load(Ordering::Acquire) {
            return Err("this node is stopping");
        }
        let mut last = self.last.lock().await;
        if let Some((at, state)) = &*last
            && at.elapsed() < FRESH
        {
            return *state;
        }
        let state = match tokio::time::timeout(PATIENCE, self.database.ping()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready");
                Err("the database is not available")
            }
            Err(_) => Err("the database does not answer in time"),
        };
        *last = Some((Instant::now(), state));
        state
    }
}

/// The routes of both.
pub fn routes(config: &mut ServiceConfig) {
    let resource = |path| web::resource(path).default_service(web::to(wrong_method));
    config
        .service(resource("/health").route(web::get().to(health)).route(web::head().to(health)))
        .service(resource("/ready").route(web::get().to(ready)).route(web::head().to(ready)));
}

async fn health() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "up" }))
}

async fn ready(readiness: Data<Readiness>) -> HttpResponse {
    match readiness.state().await {
        Ok(()) => HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "ready" })),
        Err(why) => HttpResponse::ServiceUnavailable()
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((RETRY_AFTER, "5"))
            .json(json!({ "status": "not ready", "message": why })),
    }
}

async fn wrong_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed()
        .insert_header(("allow", "GET, HEAD"))
        .json(json!({ "message": "only GET and HEAD are answered here" }))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use async_trait::async_trait;
    use chancery_core::StoreError;

    use super::*;

    #[derive(Default)]
    struct Asked {
        times: AtomicUsize,
        away: bool,
    }

    #[async_trait]
    impl Database for Asked {
        async fn describe(&self) -> Result<(String, String), StoreError> {
            Ok(("SQLite".into(), "3".into()))
        }

        async fn ping(&self) -> Result<(), StoreError> {
            self.times.fetch_add(1, Ordering::Relaxed);
            if self.away { Err(StoreError::Unavailable("away".into())) } else { Ok(()) }
        }
    }

    #[tokio::test]
    async fn many_askers_cost_the_database_one_question() {
        let database = Arc::new(Asked::default());
        let readiness = Readiness::new(database.clone());
        for _ in 0..100 {
            assert_eq!(readiness.state().await, Ok(()));
        }
        assert_eq!(database.times.load(Ordering::Relaxed), 1);
        readiness.stop();
        assert_eq!(readiness.state().await, Err("this node is stopping"));
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_told() {
        let readiness = Readiness::new(Arc::new(Asked { away: true, ..Asked::default() }));
        assert_eq!(readiness.state().await, Err("the database is not available"));
    }
}
