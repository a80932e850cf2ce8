//! Tables from CSV text: quotes, missing cells, and the lines of rows.

#[path = "common/csv.rs"]
mod csv;

use csv::{cells, error, kind, read};
use feedforward::tabular::{CsvReader, Kind, Table, Tabular, Value};

#[test]
fn quotes_that_do_not_close() {
    let plain = CsvReader::new();
    let never = "a quote opens a cell, and no quote closes it";
    let later = "a quote opens a cell, and text follows the quote that closes it lines later";
    for (text, line, problem) in [
        ("a,y\n1,2\n3,\"4\n5,6\n7,8\n", 3, never),
        ("a,y\r\n\r\n\"3,4\r\n5,6\r\n", 3, never),
        ("\"a,y\n1,2\n", 1, never),
        ("a,y\n1,\"2\"\"\n", 2, never),
        ("a,y\n1,\"", 2, never),
        ("a;y\n1;\"2\n3;4\n5;\"6\"\n", 2, later),
        ("a\ty\n\"two\nlines\"\t2\n1\t\"2\n3\t\"4\n5\t6\n", 4, later),
    ] {
        assert_eq!(
            error(&plain, text),
            format!("CSV: line {line}: {problem}"),
            "{text:?}"
        );
    }
    // Quotes inside cells are text.
    let table = read("a,y\n5\" wide,1\n \"x,2\n\"two\nlines\" ,3\n\"a\" b,\"\"\n\"\"\"\",4\n");
    let words = ["5\" wide", "\"x", "two\nlines", "a b", "\""];
    assert_eq!(cells(&table, "a"), words.map(Value::Word));
}

#[test]
fn missing_cells_beside_numbers() {
    let gaps = "a,b\n1,true\n#N/A,#n/a\nNone,none\n-,-\n<NA>,#NA\n-nan,-NaN\n";
    let table = read(gaps);
    assert_eq!(
        (kind(&table, "a"), kind(&table, "b")),
        (Kind::Numbers, Kind::Booleans)
    );
    assert!(table.columns().iter().all(|column| column.missing() == 5));
    let named = CsvReader::new().numbers(["a"]).read(gaps.as_bytes());
    assert_eq!(named.unwrap().column("a").unwrap().missing(), 5);
    // Between words, and alone, they are words.
    for words in ["none,mild", "-,+", "None,", "-,none"] {
        let (first, second) = words.split_once(',').unwrap();
        let table = read(format!("a,b\n{first},0\n{second},0\n"));
        assert_eq!(kind(&table, "a"), Kind::Words, "{words}");
        assert_eq!(cells(&table, "a")[0], Value::Word(first));
    }
    // Texts of the caller replace them.
    let reader = CsvReader::new().missing(["x"]);
    let table = reader.read(&b"a,b\n1,0\n-,0\n"[..]).unwrap();
    assert_eq!(cells(&table, "a"), [Value::Word("1"), Value::Word("-")]);
    // A declared level counts more.
    let reader = CsvReader::new().levels("a", ["NA", "q"]);
    let table = reader.read(&b"a,b\nNA,0\nq,0\n?,0\n,0\n"[..]).unwrap();
    let expected = [
        Value::Word("NA"),
        Value::Word("q"),
        Value::Missing,
        Value::Missing,
    ];
    assert_eq!(cells(&table, "a"), expected);
}

#[test]
fn zero_has_one_sign() {
    let table = read("a,y\n-0,1\n0,2\n-0.0,3\n1,4\n-0,5\n");
    let numbers = table.column("a").unwrap().as_numbers().unwrap();
    assert!(numbers.iter().all(|x| x.is_sign_positive()));
}

#[test]
fn rows_know_their_lines() {
    let table = read("\na,b\r\n1,2\r\n\r\n\"3\n\n\",4\n5,6\n7,8");
    let lines =
        |table: &Table<'_>| -> Vec<_> { (0..=table.rows()).map(|row| table.line(row)).collect() };
    assert_eq!(lines(&table), [Some(3), Some(5), Some(8), Some(9), None]);
    let some = table.select(&[3, 0, 1]).unwrap();
    assert_eq!(lines(&some), [Some(9), Some(3), Some(5), None]);
    assert_eq!(lines(&some.without("a").unwrap())[0], Some(9));
    assert_eq!(Table::new().with("a", &[1.0]).unwrap().line(0), None);
    assert_eq!(read("a\r1\r\r2\r").line(1), Some(4));

    // An error of a target names the line.
    let problem = |table: &Table<'_>| {
        Tabular::regressor(table, "y")
            .fit()
            .unwrap_err()
            .to_string()
    };
    let table = read("x,y\n\n1,2\n3,?\n5,6\n");
    assert!(
        problem(&table).ends_with("got none in line 4"),
        "{}",
        problem(&table)
    );
    let table = read("x,y\n1,2\n3,4\nx,y\n");
    assert!(
        problem(&table).ends_with("got \"y\" in line 4"),
        "{}",
        problem(&table)
    );
    let y = feedforward::tabular::Column::numbers([Some(1), None]);
    let table = Table::new()
        .with("x", &[1.0, 2.0])
        .unwrap()
        .with("y", y)
        .unwrap();
    assert!(
        problem(&table).ends_with("got none in row 1"),
        "{}",
        problem(&table)
    );
}
