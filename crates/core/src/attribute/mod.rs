//! The attribute model: what a profile or an operation can be told, and the check of what it was told.

mod content;
mod definition;
mod request;

pub use content::*;
pub use definition::*;
pub use request::*;
