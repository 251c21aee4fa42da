//! A PostgreSQL database for one server.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::process::run;

/// A database of its own on the server that `TEST_DATABASE_URL` names, dropped at the end. Made with `psql`, which must
/// be there when the variable is.
#[derive(Debug)]
pub struct ScratchDatabase {
    administration: String,
    name: String,
    /// Its URL.
    pub url: String,
}

impl ScratchDatabase {
    /// A new one; `None` when `TEST_DATABASE_URL` is not set.
    pub fn create() -> Option<Self> {
        let administration = std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())?;
        Some(Self::create_on(&administration))
    }

    /// A new one on the server of this URL.
    pub fn create_on(administration: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("chancery_e2e_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (server, query) = match administration.split_once('?') {
            Some((server, query)) => (server, format!("?{query}")),
            None => (administration, String::new()),
        };
        let (server, _) = server.rsplit_once('/').expect("a PostgreSQL URL names a database");
        let database = Self { administration: administration.to_owned(), url: format!("{server}/{name}{query}"), name };
        database.psql(&format!("create database {}", database.name));
        database
    }

    /// One statement in the administration database; its rows.
    pub fn psql(&self, statement: &str) -> String {
        psql(&self.administration, statement)
    }

    /// One statement in this database; its rows.
    pub fn query(&self, statement: &str) -> String {
        psql(&self.url, statement)
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        let drop = format!("drop database if exists {} with (force)", self.name);
        let _ = Command::new("psql").args([&self.administration, "-qAtc", &drop]).output();
    }
}

fn psql(url: &str, statement: &str) -> String {
    run(Command::new("psql").args([url, "-v", "ON_ERROR_STOP=1", "-qAtc", statement])).ok()
}
