//! Reads arbitrary bytes as JSON of RTNeural, and writes what was read.
//!
//! Run it with `cargo fuzz run rtneural`. It needs a nightly compiler and `cargo install
//! cargo-fuzz`. The models of tests/fixtures/rtneural are good seeds for `fuzz/corpus/rtneural`.

#![no_main]

use feedforward::rtneural::{export, import};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(imported) = import::<f32>(bytes) {
        let net = imported.network();
        assert!(net.params().iter().all(|p| p.is_finite()));
        net.predict(&vec![0.5; net.inputs()]).ok();
        let text = export(net).expect("a network that was read is not written");
        let same = import::<f32>(text.as_bytes()).expect("a written network is not read");
        assert!(same.network().params().iter().eq(net.params()));
    }
    import::<f64>(bytes).ok();
});
