//! The attribute model: what a profile or an operation can be told, and the check of what it was told.
//!
//! [`Definition`]s say what can be told, clients send [`RequestAttribute`]s, [`check`] holds one against the other and
//! gives an [`AttributeSet`] to read from, and [`to_response`] shows stored values without their secrets.

mod build;
mod callback;
mod check;
mod constraint;
mod content;
mod definition;
mod request;
mod response;
mod set;
mod validate;
mod value;
mod wire;

pub use build::*;
pub use callback::*;
pub use check::*;
pub use constraint::*;
pub use content::*;
pub use definition::*;
pub use request::*;
pub use response::*;
pub use set::*;
pub use validate::*;

#[cfg(test)]
mod tests;
