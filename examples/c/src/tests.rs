//! Tests that programs of C cannot make: panics, older programs, and all statuses.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::panic::panic_any;
use std::ptr::{null, null_mut};
use std::thread;

use crate::files::{ff_network_from_onnx, ff_onnx_options};
use crate::guard::{Failure, ff_last_error, guard};
use crate::network::{
    ff_layer, ff_network, ff_network_free, ff_network_new, ff_network_predict,
    ff_network_set_weights, ff_network_weight_count, ff_network_weights,
};
use crate::options::{self, Sized32};
use crate::status::{
    FF_DIVERGED, FF_INVALID_ARGUMENT, FF_NULL_ARGUMENT, FF_OK, FF_OTHER, FF_PANIC, ff_status,
    ff_status_text,
};
use crate::train::{ff_epoch, ff_network_train, ff_train_options};

fn last_error() -> String {
    let mut text = [0_u8; 4096];
    // SAFETY: the buffer has this length.
    let len = unsafe { ff_last_error(text.as_mut_ptr().cast::<c_char>(), text.len()) };
    String::from_utf8(text[..len].to_vec()).unwrap()
}

fn network() -> ff_network {
    let layer = |neurons, name: &'static std::ffi::CStr| ff_layer {
        neurons,
        activation: name.as_ptr(),
    };
    let layers = [layer(8, c"tanh"), layer(1, c"identity")];
    let mut network = MaybeUninit::uninit();
    // SAFETY: the array has two layers, whose names are texts.
    let status = unsafe { ff_network_new(2, layers.as_ptr(), 2, 0, Some(&mut network)) };
    assert_eq!(status, FF_OK);
    // SAFETY: the function has succeeded, so it has written the handle.
    *unsafe { network.assume_init() }.unwrap()
}

#[test]
fn a_panic_becomes_a_status() {
    type Body = Box<dyn Fn() -> Result<(), Failure>>;
    let results: [(Body, &str); 3] = [
        (Box::new(|| panic!("a constant")), "a constant"),
        (Box::new(|| panic!("text {}", 1)), "text 1"),
        (Box::new(|| panic_any(1_u8)), "it has no message"),
    ];
    for (body, text) in results {
        assert_eq!(guard(body), FF_PANIC);
        assert_eq!(last_error(), format!("defect of the library: {text}"));
    }
    assert_eq!(guard(|| Ok(())), FF_OK);
}

#[test]
fn each_thread_has_its_own_error() {
    assert_eq!(guard(|| Err(Failure::Null("first"))), FF_NULL_ARGUMENT);
    let other = thread::spawn(|| {
        assert_eq!(last_error(), "");
        guard(|| Err(Failure::Null("second")));
        last_error()
    });
    assert_eq!(
        other.join().unwrap(),
        "second: expected a pointer, got NULL"
    );
    assert_eq!(last_error(), "first: expected a pointer, got NULL");
}

#[test]
fn a_long_error_is_cut_off_between_characters() {
    let long = "ä".repeat(3000);
    guard(|| Err(Failure::Name("x", long, String::new())));
    let start = "x: expected one of "; // of 19 bytes
    assert_eq!(last_error(), format!("{start}{}", "ä".repeat(1014)));
}

/// Statuses and texts are those of the header, and each status has another text.
#[test]
fn every_status_has_a_text() {
    let text = |status| {
        // SAFETY: the function returns a constant.
        unsafe { std::ffi::CStr::from_ptr(ff_status_text(status)) }
    };
    let texts: std::collections::BTreeSet<_> = (FF_OK..=FF_OTHER + 1).map(text).collect();
    assert_eq!(texts.len() as ff_status, FF_OTHER + 2);
    assert_eq!(text(-1), c"an unknown status");
}

/// A struct whose first version had no second number.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Grown {
    size: u32,
    first: u32,
    second: u32,
}

// SAFETY: it is `repr(C)` of numbers, with its size in front. Two of them were its first version.
unsafe impl Sized32 for Grown {
    const SMALLEST: usize = 8;
    const NAME: &'static str = "grown";
}

#[test]
fn a_program_may_know_fewer_options() {
    let defaults = Grown {
        size: 12,
        first: 1,
        second: 2,
    };
    let older = [8_u32, 10];
    // SAFETY: the array has the eight bytes that it names.
    let read = unsafe { options::read(older.as_ptr().cast(), defaults) }.unwrap();
    assert_eq!((read.first, read.second), (10, 2));
    let mut written = [0_u32, 0, 77];
    // SAFETY: the array has eight bytes.
    unsafe { options::write(&defaults, written.as_mut_ptr().cast(), 8) }.unwrap();
    assert_eq!(written, [8, 1, 77]);
    for wrong in [0_u32, 7, 13, u32::MAX] {
        let newer = [wrong, 0, 0, 0];
        // SAFETY: the function reads no more than the size before it refuses it.
        let read = unsafe { options::read(newer.as_ptr().cast(), defaults) };
        assert!(matches!(read, Err(Failure::Invalid("grown", _))));
    }
    // SAFETY: NULL stands for the defaults.
    let read = unsafe { options::read(null(), defaults) };
    assert_eq!(read.unwrap(), defaults);
    // SAFETY: NULL is refused.
    let written = unsafe { options::write(&defaults, null_mut(), 12) };
    assert!(matches!(written, Err(Failure::Null("grown"))));
}

#[test]
fn pointers_that_are_not_aligned_are_errors() {
    let network = network();
    let numbers = [0.0_f32; 4];
    let odd = numbers.as_ptr().wrapping_byte_add(1);
    let mut output = 0.0;
    // SAFETY: the function refuses the pointers before it reads or writes.
    unsafe {
        let status = ff_network_predict(Some(&network), odd, 2, &raw mut output, 1);
        assert_eq!(status, FF_INVALID_ARGUMENT);
        let status = ff_network_predict(Some(&network), numbers.as_ptr(), 2, odd.cast_mut(), 1);
        assert_eq!(status, FF_INVALID_ARGUMENT);
    }
    ff_network_free(Some(Box::new(network)));
}

const INPUTS: [f32; 8] = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
const TARGETS: [f32; 4] = [0.0, 1.0, 1.0, 0.0];

/// Trains, and calls a function with the network after each epoch.
fn train(
    network: &ff_network,
    options: &ff_train_options,
    function: unsafe extern "C" fn(*const ff_epoch, *mut c_void) -> i32,
) -> ff_status {
    let handle = std::ptr::from_ref(network).cast_mut();
    // SAFETY: the arrays have these lengths. The handle is shared, and only read.
    unsafe {
        ff_network_train(
            handle,
            options,
            INPUTS.as_ptr(),
            INPUTS.len(),
            TARGETS.as_ptr(),
            TARGETS.len(),
            Some(function),
            handle.cast(),
            null_mut(),
        )
    }
}

/// Reads, and replaces, the weights of a network.
fn change_weights(network: &ff_network) {
    let mut weights = vec![0.0_f32; ff_network_weight_count(Some(network))];
    let handle = std::ptr::from_ref(network).cast_mut();
    // SAFETY: the array has this length.
    unsafe {
        let (pointer, len) = (weights.as_mut_ptr(), weights.len());
        assert_eq!(ff_network_weights(Some(network), pointer, len), FF_OK);
        assert_eq!(ff_network_set_weights(handle, pointer, len), FF_OK);
    }
}

extern "C" fn changing(epoch: *const ff_epoch, user: *mut c_void) -> i32 {
    // SAFETY: `train` passes a network, and training an epoch.
    let (epoch, network) = unsafe { (&*epoch, &*user.cast::<ff_network>()) };
    assert_eq!(epoch.size as usize, size_of::<ff_epoch>());
    change_weights(network);
    0
}

/// Functions that change a network at once, on several threads and in a callback, are safe.
#[test]
fn a_network_may_be_changed_while_it_is_trained() {
    let network = network();
    let trained = || {
        let options = ff_train_options {
            epochs: if cfg!(miri) { 3 } else { 30 },
            ..ff_train_options::default()
        };
        assert_eq!(train(&network, &options, changing), FF_OK);
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(trained);
            scope.spawn(|| (0..20).for_each(|_| change_weights(&network)));
        }
    });
    ff_network_free(Some(Box::new(network)));
}

/// After divergence, the network has finite weights.
#[test]
fn divergence_keeps_weights_that_are_finite() {
    let network = network();
    let options = ff_train_options {
        optimizer: c"sgd".as_ptr(),
        learning_rate: 1e30,
        ..ff_train_options::default()
    };
    assert_eq!(train(&network, &options, changing), FF_DIVERGED);
    assert!(last_error().contains("diverged"));
    change_weights(&network);
    ff_network_free(Some(Box::new(network)));
}

/// Returns the result of an import, with its outputs for one sample.
fn imported(bytes: &[u8], logits: u32) -> Result<f32, ff_status> {
    let options = ff_onnx_options {
        logits,
        ..ff_onnx_options::default()
    };
    let mut network = MaybeUninit::uninit();
    // SAFETY: the bytes have this length.
    let status = unsafe {
        ff_network_from_onnx(
            bytes.as_ptr(),
            bytes.len(),
            &raw const options,
            Some(&mut network),
        )
    };
    if status != FF_OK {
        return Err(status);
    }
    // SAFETY: the function has succeeded.
    let network = unsafe { network.assume_init() };
    let mut output = 0.0;
    // SAFETY: one sample has two inputs and one output.
    let status = unsafe {
        let inputs = INPUTS[2..].as_ptr();
        ff_network_predict(network.as_deref(), inputs, 2, &raw mut output, 1)
    };
    ff_network_free(network);
    assert_eq!(status, FF_OK);
    Ok(output)
}

/// Models of other kinds are refused, unless the numbers before their last function will do.
#[test]
fn models_with_a_link_need_an_option() {
    let builder = || ff::Mlp::<f32>::builder(2).hidden(3, ff::activation::Tanh);
    let classifier = ff::Classifier::new(builder(), ["no", "yes"]).unwrap();
    let bytes = ff::onnx::export(&classifier).unwrap();
    assert_eq!(imported(&bytes, 0), Err(FF_INVALID_ARGUMENT));
    assert!(last_error().contains("not a classifier"));
    let logits = classifier.network().predict(&INPUTS[2..4]).unwrap();
    assert_eq!(imported(&bytes, 1), Ok(logits[0]));

    let net = builder().output(1, ff::activation::Identity).build();
    let mut regressor = ff::Regressor::new(net.unwrap());
    let data = [100.0, 200.0, 300.0, 400.0];
    let trainer = ff::Trainer::new(ff::loss::SquaredError, ff::optimizer::Adam::new(0.01));
    regressor.fit(&trainer.epochs(5), &INPUTS, &data).unwrap();
    let expected = regressor.predict(&INPUTS[2..4]).unwrap()[0];
    let bytes = ff::onnx::export(&regressor).unwrap();
    let got = imported(&bytes, 0).unwrap();
    assert!((got - expected).abs() < 1e-3, "{got} {expected}");

    let rates = ff::Regressor::new(regressor.network().clone()).link(ff::metrics::Link::Log);
    let bytes = ff::onnx::export(&rates).unwrap();
    assert_eq!(imported(&bytes, 0), Err(FF_INVALID_ARGUMENT));
    let logs = rates.network().predict(&INPUTS[2..4]).unwrap();
    assert_eq!(imported(&bytes, 1), Ok(logs[0]));
}
