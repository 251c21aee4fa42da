//! The database as such.

use async_trait::async_trait;
use chancery_core::StoreError;
use chancery_core::port::Database;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::Store;
use crate::connection::AnyConnection;
use crate::row::bytes;
use crate::schema::nodes;

#[async_trait]
impl Database for Store {
    async fn describe(&self) -> Result<(String, String), StoreError> {
        let version = self
            .read(|c| {
                let version = match c {
                    AnyConnection::Postgres(_) => sql::<Text>("current_setting('server_version')"),
                    AnyConnection::Sqlite(_) => sql::<Text>("sqlite_version()"),
                };
                Ok(diesel::select(version).get_result::<String>(c)?)
            })
            .await?;
        Ok((self.engine().to_owned(), version))
    }

    /// Really writes: a full disk or a read-only standby must not answer.
    async fn ping(&self) -> Result<(), StoreError> {
        let node = self.node();
        self.write(move |c, _| {
            diesel::update(nodes::table.find(bytes(&node.id))).set(nodes::boot.eq(node.boot)).execute(c)?;
            Ok(())
        })
        .await
    }
}
