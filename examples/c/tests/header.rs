//! The committed header is that of the code.

use std::fs;

use cbindgen::{Builder, Config};

const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include/feedforward.h");

/// Writes the header instead of comparing it.
const WRITE: &str = "FEEDFORWARD_WRITE_HEADER";

fn generated() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let config = Config::from_root_or_default(env!("CARGO_MANIFEST_DIR"));
    let builder = Builder::new().with_config(config);
    let builder = builder.with_src(format!("{folder}/lib.rs"));
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_header_is_that_of_the_code() {
    let generated = generated();
    if std::env::var_os(WRITE).is_some() {
        fs::write(HEADER, &generated).unwrap();
    }
    let committed = fs::read_to_string(HEADER).unwrap().replace('\r', "");
    assert!(
        committed == generated,
        "include/feedforward.h is not that of the code; write it with {WRITE}=1 cargo test -p feedforward-c --test header"
    );
}
