//! The store: diesel over SQLite and PostgreSQL, behind core's ports.
