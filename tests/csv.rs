//! Tables from CSV text: what is found, and what is refused.

use std::fmt::Write;

use feedforward::Error;
use feedforward::tabular::{CsvReader, Kind, Table, Value};

fn read(text: impl AsRef<[u8]>) -> Table<'static> {
    CsvReader::new().read(text.as_ref()).unwrap()
}

fn error(reader: &CsvReader, text: impl AsRef<[u8]>) -> String {
    reader.read(text.as_ref()).unwrap_err().to_string()
}

fn cells<'t>(table: &'t Table<'_>, name: &str) -> Vec<Value<'t>> {
    let column = table.column(name).unwrap();
    (0..column.len())
        .filter_map(|row| column.get(row))
        .collect()
}

fn kind(table: &Table<'_>, name: &str) -> Kind {
    table.column(name).unwrap().kind()
}

#[test]
fn delimiters_are_found() {
    for delimiter in [",", ";", "\t", "|"] {
        let text = "a,b,c\n1,x y,true\n2,z,false\n".replace(',', delimiter);
        let table = read(&text);
        assert_eq!(table.names(), ["a", "b", "c"], "{delimiter}");
        assert_eq!(table.rows(), 2);
        let reader = CsvReader::new().delimiter(delimiter.as_bytes()[0]);
        assert_eq!(reader.read(text.as_bytes()).unwrap(), table);
    }
    // Decimal commas and prose do not count.
    assert_eq!(read("a;b\n1,5;2,5\n1,25;3\n").names(), ["a", "b"]);
    assert_eq!(read("a\tb\n\"x, y\"\tp;q\n1\t2\n").names(), ["a", "b"]);
    assert_eq!(read("\"a;b\",c\n\"1;2\",3\n").names(), ["a;b", "c"]);
    assert_eq!(read("a\n1\n2\n").names(), ["a"]);
    // A wrong line is an error of the delimiter in the header.
    assert_eq!(
        error(&CsvReader::new(), "a;b\n1;2\n3\n"),
        "CSV: line 3: expected 2 cells, as in the header, got 1"
    );
    assert_eq!(read("a:b\n1:2\n").names(), ["a:b"]);
    let reader = CsvReader::new().delimiter(b':');
    assert_eq!(reader.read(&b"a:b\n1:2\n"[..]).unwrap().names(), ["a", "b"]);
    for delimiter in [b'"', b'\n', b'\r'] {
        let reader = CsvReader::new().delimiter(delimiter);
        assert!(error(&reader, "a\n1\n").starts_with("delimiter: expected neither"));
    }
}

#[test]
fn quotes_line_breaks_and_spaces() {
    let text =
        "\u{feff}name, \"note\" ,x\r\n\"A, \"\"B\"\"\",\"two\nlines\", 1 \r\n\r\n c ,\"\",2\r\n";
    let text = text.replace(" \"note\" ", "\"note\"");
    let table = read(&text);
    assert_eq!(table.names(), ["name", "note", "x"]);
    assert_eq!(
        cells(&table, "name"),
        [Value::Word("A, \"B\""), Value::Word("c")]
    );
    assert_eq!(
        cells(&table, "note"),
        [Value::Word("two\nlines"), Value::Missing]
    );
    assert_eq!(cells(&table, "x"), [1.into(), 2.into()]);
    // No line break at the end, old line breaks, and blank lines of spaces.
    for text in [
        "a,b\n1,2",
        "a,b\r1,2\r",
        "a,b\n\n1,2\n  \n",
        "\n\na,b\n1,2\n\n\n",
    ] {
        let table = read(text);
        assert_eq!((table.names().len(), table.rows()), (2, 1), "{text:?}");
    }
}

#[test]
fn kinds_of_cells() {
    let kind_of = |cells: &str| kind(&read(format!("a,b\n{}", cells.replace('/', ",0\n"))), "a");
    for numbers in [
        "1/2/",
        "1e5/+3/-0.5/.5/1./1E-3/",
        "?/1/",
        "007/01067/",
        "///",
        "NA/",
        "-0/",
    ] {
        assert_eq!(kind_of(numbers), Kind::Numbers, "{numbers}");
    }
    for booleans in ["true/false/", "TRUE/False/NA/", "?/true/"] {
        assert_eq!(kind_of(booleans), Kind::Booleans, "{booleans}");
    }
    for words in [
        "1/x/",
        "inf/1/",
        "-Infinity/",
        "1e999/",
        "0x10/",
        "1_000/",
        "1 000/",
        "true/1/",
        "yes/no/",
        "nand/",
        "12%/",
        "2020-01-01/",
    ] {
        assert_eq!(kind_of(words), Kind::Words, "{words}");
    }
    let table = read("a,b,c\n1,x,true\nNA,n/a,NULL\nnull,?,N/A\nNaN,nan,\nna,Null,na\n");
    for column in table.columns() {
        assert_eq!(column.missing(), 4);
    }
    let numbers = read("a,b\n1e5,+3\n007,-0.25\n");
    assert_eq!(
        numbers.column("a").unwrap().as_numbers().unwrap(),
        [1e5, 7.0]
    );
    assert_eq!(
        numbers.column("b").unwrap().as_numbers().unwrap(),
        [3.0, -0.25]
    );
}

#[test]
fn little_or_nothing() {
    for text in ["", "\n\n", "\u{feff}", "\r\n"] {
        assert_eq!(
            error(&CsvReader::new(), text),
            "CSV: expected a header, got nothing",
            "{text:?}"
        );
    }
    for text in ["a,b", "a,b\n", "a,b\n\n"] {
        let table = read(text);
        assert_eq!((table.names().len(), table.rows()), (2, 0));
        assert_eq!(kind(&table, "a"), Kind::Numbers);
    }
    // The index that pandas writes has no name.
    assert_eq!(read(",a,\n0,1,2\n").names(), ["column 1", "a", "column 3"]);
}

#[test]
fn errors_name_line_and_column() {
    let plain = CsvReader::new();
    assert_eq!(
        error(&plain, "a,b,a\n1,2,3\n"),
        "column \"a\": name: expected a different name for each column, got the name twice"
    );
    // Lines count as an editor counts them.
    let ragged = "a,b\r\n\"1\n1\",2\r\n\r\n\r\n3,4,5\r\n";
    assert_eq!(
        error(&plain, ragged),
        "CSV: line 6: expected 2 cells, as in the header, got 3"
    );
    assert_eq!(
        error(&plain, ragged.replace('\n', "").replace("\"1", "\"1\r")),
        "CSV: line 6: expected 2 cells, as in the header, got 3"
    );
    assert_eq!(
        error(&plain, b"a,b\n1,2\n3,caf\xe9\n"),
        "column \"b\": CSV: line 3: expected UTF-8"
    );
    assert_eq!(
        error(&plain, b"\nx,\xff\n1,2\n"),
        "CSV: line 2: expected UTF-8"
    );
    assert_eq!(
        error(&plain, b"\xff\xfea\0,\0b\0\n\0"),
        "CSV: line 1: expected UTF-8"
    );
    assert_eq!(
        error(&CsvReader::new().numbers(["b"]), "a,b\n1,2\n\n1,inf\n"),
        "column \"b\": CSV: line 4: expected a number, got \"inf\""
    );
    assert_eq!(
        error(
            &CsvReader::new().levels("b", ["low", "high"]),
            "a,b\n1,low\n1,?\n1,Low\n"
        ),
        "column \"b\": CSV: line 4: expected one of [\"low\", \"high\"], got \"Low\""
    );
    assert_eq!(
        error(
            &CsvReader::new().levels("b", ["low", "low"]),
            "a,b\n1,low\n"
        ),
        "column \"b\": levels: expected different words, got \"low\" twice"
    );
    assert_eq!(
        error(&CsvReader::new().words(["c"]), "a,b\n1,2\n"),
        "column of the table: expected one of [\"a\", \"b\"], got \"c\""
    );
    let path = std::env::temp_dir().join(format!("feedforward_csv_{}.csv", std::process::id()));
    assert!(matches!(plain.open(&path), Err(Error::Io { .. })));
    std::fs::write(&path, "a,b\n1\n").unwrap();
    assert!(matches!(plain.open(&path), Err(Error::File { .. })));
    std::fs::write(&path, "a,b\n1,2\n").unwrap();
    assert_eq!(plain.open(&path).unwrap(), read("a,b\n1,2\n"));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn kinds_of_the_caller() {
    let text = "zip,size,flag,n\n01067,M,true,?\n80331,S,NA,?\n";
    let reader = CsvReader::new()
        .numbers(["zip"])
        .words(["zip", "flag", "n"])
        .levels("size", ["S", "M", "L"]);
    let table = reader.read(text.as_bytes()).unwrap();
    // The last call counts.
    assert_eq!(
        cells(&table, "zip"),
        [Value::Word("01067"), Value::Word("80331")]
    );
    assert_eq!(cells(&table, "flag"), [Value::Word("true"), Value::Missing]);
    assert_eq!(cells(&table, "n"), [Value::Missing; 2]);
    assert_eq!(kind(&table, "n"), Kind::Words);
    assert_eq!(kind(&table, "size"), Kind::Levels);
    assert_eq!(cells(&table, "size"), [Value::Word("M"), Value::Word("S")]);
    let table = reader.numbers(["n"]).read(text.as_bytes()).unwrap();
    assert_eq!(kind(&table, "n"), Kind::Numbers);
}

/// Number of columns of a wide table.
const WIDTH: usize = 10_000;

#[test]
fn long_lines_and_wide_tables() {
    let long = "x".repeat(3_000_000);
    let table = read(format!("a,b\n{long},1\ny,2\n"));
    assert_eq!(table.column("a").unwrap().get(0), Some(Value::Word(&long)));

    let mut text = String::new();
    for row in 0..4 {
        for column in 0..WIDTH {
            let end = if column + 1 == WIDTH { '\n' } else { ',' };
            match row {
                0 => write!(text, "column of the table {column}{end}"),
                _ => write!(text, "{}{end}", row * column),
            }
            .unwrap();
        }
    }
    // Quadratic time would be a second or more.
    let start = std::time::Instant::now();
    let names = (0..WIDTH).map(|column| format!("column of the table {column}"));
    let table = CsvReader::new().words(names).read(text.as_bytes()).unwrap();
    let settings = feedforward::tabular::ColumnSettings::default();
    let columns = feedforward::tabular::Columns::fit(&table, &[0, 1, 2], &settings).unwrap();
    let inputs = columns.encode::<f32>(&table, &[2, 0]).unwrap();
    assert_eq!(inputs.len(), 2 * columns.inputs());
    eprintln!("{WIDTH} columns: {:?}", start.elapsed());
    assert_eq!(table.names().len(), WIDTH);
    assert_eq!(columns.inputs(), 3 * WIDTH - 2); // all cells of the first column are 0
}
