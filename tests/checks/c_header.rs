//! The header of the C interface is that of its code.
//!
//! It is tested here, because cbindgen adds features to libraries that the crate also uses, and the
//! C library would be built twice.

use std::fs;

use cbindgen::{Builder, Config};

const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/c");

/// Writes the header instead of comparing it.
const WRITE: &str = "FEEDFORWARD_WRITE_HEADER";

#[test]
fn the_header_is_that_of_the_code() {
    let config = Config::from_file(format!("{PACKAGE}/cbindgen.toml")).unwrap();
    let builder = Builder::new().with_config(config);
    let builder = builder.with_src(format!("{PACKAGE}/src/lib.rs"));
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    let generated = String::from_utf8(text).unwrap();
    let path = format!("{PACKAGE}/include/feedforward.h");
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(
        committed.replace('\r', "") == generated.replace('\r', ""),
        "{path} is not that of the code; write it with {WRITE}=1 cargo test -p checks --test c_header"
    );
}
