//! Builds the crate again when a migration changes: `embed_migrations!` reads folders that cargo does not watch.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/sqlite");
    println!("cargo:rerun-if-changed=../../migrations/postgresql");
}
