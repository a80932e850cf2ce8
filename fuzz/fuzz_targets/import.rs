//! Imports arbitrary bytes as an ONNX model.
//!
//! Run it with `cargo fuzz run import`. It needs a nightly compiler and `cargo install cargo-fuzz`.
//! The files of tests/fixtures/onnx are good seeds for `fuzz/corpus/import`.

#![no_main]

use feedforward::onnx::{Importer, import};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let named = Importer::new().output("y").import::<f32>(bytes);
    for imported in [import::<f32>(bytes), named].into_iter().flatten() {
        let net = imported.network();
        assert!(net.params().iter().all(|p| p.is_finite()));
        net.predict(&vec![0.5; net.inputs()]).ok();
    }
    import::<f64>(bytes).ok();
});
