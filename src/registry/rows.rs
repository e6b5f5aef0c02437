//! Reading rows: one way for all questions that give a list.

use rusqlite::Row;
use rusqlite::ToSql;

use super::Registry;
use super::RegistryError;

impl Registry {
    /// Every row that `query` finds, as `read` sees it.
    pub(super) fn rows<T>(
        &self,
        query: &str,
        parameters: &[&dyn ToSql],
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, RegistryError> {
        let failed = self.failed("read");
        let mut statement = self.connection.prepare_cached(query).map_err(&failed)?;
        let rows = statement.query_map(parameters, read).map_err(&failed)?;
        rows.collect::<rusqlite::Result<Vec<T>>>().map_err(&failed)
    }

    /// Runs a statement that changes something, and says how many rows it changed.
    pub(super) fn change(&self, statement: &str, parameters: &[&dyn ToSql]) -> Result<usize, RegistryError> {
        self.connection
            .prepare_cached(statement)
            .and_then(|mut statement| statement.execute(parameters))
            .map_err(self.failed("write to"))
    }
}
