//! Tables from CSV text: what is found, and what is refused.

use std::fmt::Write;

#[path = "common/csv.rs"]
mod csv;

use csv::{cells, error, kind, read};
use feedforward::Error;
use feedforward::tabular::{CsvReader, Kind, Tabular, Value};

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
    for rows in [
        "1,5;2,5\n1,25;3,0",
        "1,5;2,5;\n1,25;3,0;",
        "red, 1;1,5\nblue, 2;2,5",
    ] {
        let header = "width, m;price, €";
        let text = format!(
            "{header}{}\n{rows}\n",
            if rows.contains(";\n") { ";" } else { "" }
        );
        assert_eq!(read(text).names()[..2], ["width, m", "price, €"], "{rows}");
    }
    // Ragged lines and lines of spaces do not count either.
    assert_eq!(read("a, b, c;d\nx;y\n  \nz;w\n").names(), ["a, b, c", "d"]);
    assert_eq!(
        read("a;b, c;d\n1;x, y;2\n  \n3;z;4\n").names(),
        ["a", "b, c", "d"]
    );
    // Cells of a single column may contain delimiters.
    assert_eq!(read("a\nx, y\nz\n").rows(), 2);
    assert_eq!(
        read("a\n1,5\n2,25\n").column("a").unwrap().as_numbers(),
        Some(&[1.5, 2.25][..])
    );
    assert_eq!(read("a|b\n1;2|x, y\n;|z\n").names(), ["a", "b"]);
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
fn decimal_commas() {
    let numbers = |text: &str| {
        let table = read(text);
        let columns = table.columns().iter();
        let columns = columns.map(|column| column.as_numbers().map(<[f64]>::to_vec));
        columns.collect::<Vec<_>>()
    };
    let of = |cells: &[f64]| Some(cells.to_vec());
    // Whole numbers and missing cells may be between them.
    assert_eq!(
        numbers("a;b;c\n1,5;-0,25;1\n2;+3,;7\n,5;1,5e3;8\n"),
        [
            of(&[1.5, 2.0, 0.5]),
            of(&[-0.25, 3.0, 1500.0]),
            of(&[1.0, 7.0, 8.0])
        ]
    );
    assert_eq!(
        read("a\tb\n?\tx\n1,5\ty\n").column("a").unwrap().missing(),
        1
    );
    // A group of three digits is clear beside other cells of the file, and an error alone.
    assert_eq!(
        numbers("a;b\n1,234;0,123\n2,345;1\n"),
        [of(&[1.234, 2.345]), of(&[0.123, 1.0])]
    );
    assert_eq!(numbers("a;b\n1,234;1\n2,345;2\n"), [None, of(&[1.0, 2.0])]);
    assert_eq!(
        numbers("a;b\n1234,567;1\n2,345;2\n"),
        [of(&[1234.567, 2.345]), of(&[1.0, 2.0])]
    );
    // Points, words, and commas as delimiters.
    for text in [
        "a;b\n1,5;1\n2.5;2\n",
        "a;b\n1,5;1\n1.000,5;2\n",
        "a;b\n1,5;1\nx;2\n",
        "a;b\n1,5;1\n1,5,5;2\n",
        "a,b\n\"1,5\",1\n\"2,5\",2\n",
    ] {
        assert_eq!(numbers(text), [None, of(&[1.0, 2.0])], "{text:?}");
    }
    assert_eq!(
        numbers("a;b\n1.5;1,5\n2.25;2,5\n"),
        [of(&[1.5, 2.25]), of(&[1.5, 2.5])]
    );
    assert_eq!(
        error(&CsvReader::new(), "a;b\n1;1,5\n1.234;2,5\n"),
        "column \"a\": CSV: line 3: expected decimal_comma(true) or (false), as other columns have \
         decimal commas, got \"1.234\""
    );
    assert_eq!(numbers("a;b\n1.234;1\n2.345;2\n")[0], of(&[1.234, 2.345]));

    let chosen = |is_comma: bool, text: &str| {
        let table = CsvReader::new()
            .decimal_comma(is_comma)
            .read(text.as_bytes())
            .unwrap();
        table.column("a").unwrap().as_numbers().map(<[f64]>::to_vec)
    };
    assert_eq!(
        chosen(true, "a;b\n1.234,5;1\n-12.345.678;2\n1,234;3\n1234,5;4\n"),
        of(&[1234.5, -12345678.0, 1.234, 1234.5])
    );
    assert_eq!(chosen(true, "a,b\n\"1,5\",x\n"), of(&[1.5]));
    for text in [
        "1.5", "1234.567", "0.123", "1.23,4", "1,5.0", "1,234,5", ".5", "1..234", ".",
    ] {
        assert_eq!(chosen(true, &format!("a;b\n{text};1\n")), None, "{text}");
    }
    assert_eq!(chosen(false, "a;b\n1,5;1\n"), None);
    assert_eq!(chosen(false, "a;b\n1.234;1,5\n"), of(&[1.234]));

    // The error is at the cell that is no number.
    let named = CsvReader::new().numbers(["a"]);
    assert_eq!(
        error(&named, "a;b\n1,5;1\nx;2\n"),
        "column \"a\": CSV: line 3: expected a number with a decimal comma, got \"x\""
    );
    assert_eq!(
        error(&named, "a;b\n1,500;1\n"),
        "column \"a\": CSV: line 2: expected a number with a decimal point, or \
         decimal_comma(true), got \"1,500\""
    );
    assert_eq!(
        error(&named.decimal_comma(true), "a;b\n1.5;1\n"),
        "column \"a\": CSV: line 2: expected a number with a decimal comma, got \"1.5\""
    );
}

#[test]
fn missing_cells_of_the_caller() {
    let text = "a,b\n-999,NA\nUNKNOWN,?\n,x\n3,\n";
    let reader = CsvReader::new().missing(["-999", " unknown "]);
    let table = reader.read(text.as_bytes()).unwrap();
    assert_eq!(
        cells(&table, "a"),
        [Value::Missing, Value::Missing, Value::Missing, 3.into()]
    );
    let words = [
        Value::Word("NA"),
        Value::Word("?"),
        Value::Word("x"),
        Value::Missing,
    ];
    assert_eq!(cells(&table, "b"), words);
    let none = CsvReader::new().missing([""; 0]);
    assert_eq!(
        none.read(text.as_bytes())
            .unwrap()
            .column("b")
            .unwrap()
            .missing(),
        1
    );
}

#[test]
fn encodings_of_text() {
    // In little-endian and big-endian order, with and without a mark.
    let little = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>()
    };
    let big = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect::<Vec<_>>()
    };
    for text in ["a,b\n1,2\n", "\u{feff}a,b\n1,2\n"] {
        for bytes in [little(text), big(text)] {
            for reader in [CsvReader::new(), CsvReader::new().latin1()] {
                assert_eq!(
                    error(&reader, &bytes),
                    "CSV: expected text in UTF-8, got UTF-16"
                );
            }
        }
    }
    let latin1 = CsvReader::new().latin1();
    let table = latin1
        .read(&b"stra\xdfe;preis in \x80\nM\xfchle;1,5\n\x81\x84;2\n"[..])
        .unwrap();
    assert_eq!(table.names(), ["straße", "preis in €"]);
    assert_eq!(
        cells(&table, "straße"),
        [Value::Word("Mühle"), Value::Word("\u{81}„")]
    );
    let all: Vec<u8> = [b'a', b'\n'].into_iter().chain(0x80..=0xFF).collect();
    let table = latin1.read(&all[..]).unwrap();
    let Some(Value::Word(word)) = table.column("a").unwrap().get(0) else {
        panic!("expected a word");
    };
    assert_eq!(word.chars().count(), 128);
    assert!(word.starts_with("€\u{81}‚ƒ") && word.ends_with("žŸ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ"));
    // A mark of UTF-8 counts more.
    assert_eq!(
        latin1.read("\u{feff}ä\n1\n".as_bytes()).unwrap().names(),
        ["ä"]
    );
}

#[test]
fn a_model_decides_on_kinds() {
    let mut text = "id,zip,size,flag,n,kind\n".to_string();
    for row in 0..40 {
        let (size, flag) = (["S", "M", "L"][row % 3], row % 2 == 0);
        let kind = row % 2 * 7;
        writeln!(
            text,
            "{row:03},{:05},{size},{flag},{row},{kind:02}",
            row % 2
        )
        .unwrap();
    }
    let reader = CsvReader::new().levels("size", ["S", "M", "L"]);
    let train = |reader: CsvReader| {
        let table = reader.read(text.as_bytes()).unwrap();
        let recipe = Tabular::classifier(&table, "kind").ignore(["id"]);
        recipe.folds(2).epochs(1).hidden(&[4]).fit().unwrap()
    };
    let model = train(reader.clone().words(["zip", "kind"]));
    let reader_of_model = CsvReader::for_model(&model);
    // Numbers that are words, one level of three, and a flag that is missing everywhere.
    let new = "n,kind,flag,size,zip,id,note\n?,07,NA,M,00001,007,1\n";
    let table = reader_of_model.read(new.as_bytes()).unwrap();
    for (name, wanted, cell) in [
        ("n", Kind::Numbers, Value::Missing),
        ("kind", Kind::Words, Value::Word("07")),
        ("flag", Kind::Booleans, Value::Missing),
        ("size", Kind::Levels, Value::Word("M")),
        ("zip", Kind::Words, Value::Word("00001")),
        ("id", Kind::Words, Value::Word("007")),
        ("note", Kind::Words, Value::Word("1")),
    ] {
        assert_eq!(kind(&table, name), wanted, "{name}");
        assert_eq!(cells(&table, name), [cell], "{name}");
    }
    assert!(model.predict_class(&table).is_ok() && model.score(&table).is_ok());
    for (row, problem) in [
        (
            "x,true,S,1",
            "column \"n\": CSV: line 2: expected a number, got \"x\"",
        ),
        (
            "1,1,S,1",
            "column \"flag\": CSV: line 2: expected true or false, got \"1\"",
        ),
        (
            "1,true,s,1",
            "column \"size\": CSV: line 2: expected one of [\"S\", \"M\", \"L\"], got \"s\"",
        ),
    ] {
        let new = format!("n,flag,size,zip\n{row}\n");
        assert_eq!(error(&reader_of_model, new), problem);
    }
    assert_eq!(
        error(&reader_of_model, "n,flag,size\n1,true,S\n"),
        "column \"zip\": columns of the table: expected one of this name, got [\"n\", \"flag\", \"size\"]"
    );
    // Classes that were numbers are numbers again.
    let model = train(reader);
    let table = CsvReader::for_model(&model).read(text.as_bytes()).unwrap();
    assert_eq!(kind(&table, "kind"), Kind::Numbers);
    assert_eq!(cells(&table, "zip")[..2], [0.into(), 1.into()]);
    assert!(model.score(&table).is_ok());
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
        "column \"b\": CSV: line 3: expected UTF-8, got the byte 0xE9 after \"caf\"; \
         the setting latin1 reads it"
    );
    assert_eq!(
        error(&plain, b"\nx,\xff\n1,2\n"),
        "CSV: line 2: column 2: expected UTF-8, got the byte 0xFF after \"\"; \
         the setting latin1 reads it"
    );
    assert_eq!(
        error(&plain, b"\xff\xfea\0,\0b\0\n\0"),
        "CSV: expected text in UTF-8, got UTF-16"
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
        "column \"c\": columns of the table: expected one of this name, got [\"a\", \"b\"]"
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
