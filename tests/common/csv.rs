//! Tables from CSV text.

use feedforward::tabular::{CsvReader, Kind, Table, Value};

pub fn read(text: impl AsRef<[u8]>) -> Table<'static> {
    CsvReader::new().read(text.as_ref()).unwrap()
}

pub fn error(reader: &CsvReader, text: impl AsRef<[u8]>) -> String {
    reader.read(text.as_ref()).unwrap_err().to_string()
}

pub fn cells<'t>(table: &'t Table<'_>, name: &str) -> Vec<Value<'t>> {
    let column = table.column(name).unwrap();
    (0..column.len())
        .filter_map(|row| column.get(row))
        .collect()
}

pub fn kind(table: &Table<'_>, name: &str) -> Kind {
    table.column(name).unwrap().kind()
}
