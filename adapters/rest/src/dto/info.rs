//! What runs here, and whether it is well.

use serde::Serialize;

/// `CoreInfoResponseDto`.
#[derive(Clone, Debug, Serialize)]
pub struct InfoDto {
    /// The program.
    pub app: AppInfoDto,
    /// The database.
    pub db: DatabaseInfoDto,
}

/// `AppInfoDto`.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct AppInfoDto {
    pub name: &'static str,
    pub version: &'static str,
}

/// `DatabaseInfoDto`.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct DatabaseInfoDto {
    pub system: String,
    pub version: String,
}

/// `ActuatorHealthDto`.
#[derive(Clone, Debug, Serialize)]
pub struct HealthDto {
    /// `UP`, `DOWN` or `OUT_OF_SERVICE`.
    pub status: &'static str,
}
