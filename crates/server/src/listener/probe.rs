//! `/health`: the process lives. `/ready`: it takes requests, and the database takes writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::web::{self, Data, ServiceConfig};
use chancery_core::Health;
use serde_json::json;

/// Whether this node takes requests.
pub struct Readiness {
    health: Health,
    taking: Arc<AtomicBool>,
}

impl Readiness {
    /// Ready as long as all is well.
    pub fn new(health: Health) -> Self {
        Self { health, taking: Arc::new(AtomicBool::new(true)) }
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
    pub async fn state(&self) -> Result<(), String> {
        if !self.taking.load(Ordering::Acquire) {
            return Err("this node is stopping".into());
        }
        self.health.state().await.map_err(|why| why.to_string())
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
    use async_trait::async_trait;
    use chancery_core::port::Database;
    use chancery_core::{StoreError, SystemClock};

    use super::*;

    struct There(bool);

    #[async_trait]
    impl Database for There {
        async fn describe(&self) -> Result<(String, String), StoreError> {
            Ok(("SQLite".into(), "3".into()))
        }

        async fn ping(&self) -> Result<(), StoreError> {
            if self.0 { Ok(()) } else { Err(StoreError::Unavailable("away".into())) }
        }
    }

    fn readiness(database: There) -> Readiness {
        Readiness::new(Health::new(Arc::new(database), Arc::new(SystemClock)))
    }

    #[tokio::test]
    async fn ready_until_it_stops() {
        let readiness = readiness(There(true));
        assert_eq!(readiness.state().await, Ok(()));
        readiness.stop();
        assert_eq!(readiness.state().await, Err("this node is stopping".into()));
        assert!(!readiness.taking().load(Ordering::Acquire));
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_told() {
        assert_eq!(readiness(There(false)).state().await, Err("the database is not available".into()));
    }
}
