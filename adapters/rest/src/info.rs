//! What runs here, and whether it is well. Health needs no credential.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpResponse;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Json, ServiceConfig};
use chancery_core::Ra;

use crate::call::Call;
use crate::dto::info::{AppInfoDto, DatabaseInfoDto, HealthDto, InfoDto};
use crate::{Error, read};

/// After how many seconds whoever found it not ready may look again.
const AGAIN: &str = "5";

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(read("/v1/info", info))
        .service(read("/v1/health", readiness))
        .service(read("/v1/health/readiness", readiness))
        .service(read("/v1/health/liveness", liveness));
}

async fn info(call: Call) -> Result<Json<InfoDto>, Error> {
    let (system, version) = call.ra.ports().database.describe().await.map_err(chancery_core::Error::from)?;
    Ok(Json(InfoDto {
        app: AppInfoDto { name: "Chancery", version: env!("CARGO_PKG_VERSION") },
        db: DatabaseInfoDto { system, version },
    }))
}

/// The process answers.
async fn liveness() -> Json<HealthDto> {
    Json(HealthDto { status: "UP" })
}

/// The process answers, is not about to stop, and its database takes writes.
async fn readiness(ra: Data<Ra>, ready: Data<AtomicBool>) -> HttpResponse {
    let not =
        |status| HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, AGAIN)).json(HealthDto { status });
    if !ready.load(Ordering::Relaxed) {
        return not("OUT_OF_SERVICE");
    }
    match ra.health().state().await {
        Ok(()) => HttpResponse::Ok().json(HealthDto { status: "UP" }),
        Err(_) => not("DOWN"),
    }
}
