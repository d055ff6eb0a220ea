//! SQLite
mod error;
pub(crate) mod file;
pub(crate) mod worker;
pub use error::SqliteError;
