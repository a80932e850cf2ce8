//! Scaling of data, and its way into a network.

use ff::{Mlp, Scaler};

use crate::guard::{Failure, guard};
use crate::memory;
use crate::network::ff_network;
use crate::status::ff_status;

/// Computes the mean and the standard deviation of each column. `data` has `width` columns, and
/// `offsets` and `scales` have one value for each of them.
///
/// The scale of a constant column is 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_standardize(
    data: *const f32,
    data_len: usize,
    width: usize,
    offsets: *mut f32,
    scales: *mut f32,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises an array of this length.
        let data = unsafe { memory::slice(data, data_len, "data") }?;
        let scaler = Scaler::standard(data, width)?;
        memory::check(offsets, width, width, "offsets")?;
        memory::check(scales, width, width, "scales")?;
        // SAFETY: C promises arrays of this length, and the data are no longer read.
        unsafe {
            memory::copy(scaler.offsets(), offsets);
            memory::copy(scaler.scales(), scales);
        }
        Ok(())
    })
}

/// Replaces each value by (value - offset) / scale, with the offset and the scale of its column.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_scale(
    data: *mut f32,
    data_len: usize,
    width: usize,
    offsets: *const f32,
    scales: *const f32,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises arrays of this length.
        let scaler = unsafe { scaler(offsets, scales, width) }?;
        memory::check(data, data_len, data_len, "data")?;
        // SAFETY: as above.
        let values = unsafe { memory::slice(data, data_len, "data") }?;
        let scaled = scaler.transform(values)?;
        // SAFETY: the array has this length, and its values are no longer read.
        unsafe { memory::copy(&scaled, data) };
        Ok(())
    })
}

/// Puts the scaling of inputs into a network that was trained with scaled inputs. It then takes
/// inputs as they are. `width` is the number of inputs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_fold_inputs(
    network: *mut ff_network,
    offsets: *const f32,
    scales: *const f32,
    width: usize,
) -> ff_status {
    // SAFETY: C promises NULL or a network, and arrays of this length.
    guard(|| unsafe { fold(network, offsets, scales, width, Scaler::fold_into_inputs) })
}

/// Puts the scaling of targets into a network that was trained with scaled targets. Its outputs are
/// then in the unit of the targets. `width` is the number of outputs.
///
/// The activation of the last layer must be `"identity"`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_fold_outputs(
    network: *mut ff_network,
    offsets: *const f32,
    scales: *const f32,
    width: usize,
) -> ff_status {
    // SAFETY: C promises NULL or a network, and arrays of this length.
    guard(|| unsafe { fold(network, offsets, scales, width, Scaler::fold_into_outputs) })
}

/// Replaces a network by a copy with a scaler folded into it.
///
/// # Safety
/// Unless they are NULL, the pointers are those of a network and of arrays of this length.
unsafe fn fold(
    network: *mut ff_network,
    offsets: *const f32,
    scales: *const f32,
    width: usize,
    into: fn(&Scaler<f32>, &mut Mlp<f32>) -> Result<(), ff::Error>,
) -> Result<(), Failure> {
    // SAFETY: as the caller promises.
    let network = unsafe { memory::changed(network, "network") }?;
    // SAFETY: as the caller promises.
    let scaler = unsafe { scaler(offsets, scales, width) }?;
    let mut net = Mlp::clone(&network.now());
    into(&scaler, &mut net)?;
    network.replace(net);
    Ok(())
}

/// Returns a scaler of its numbers.
///
/// # Safety
/// Unless they are NULL, the pointers are those of arrays of this length.
unsafe fn scaler(
    offsets: *const f32,
    scales: *const f32,
    width: usize,
) -> Result<Scaler<f32>, Failure> {
    // SAFETY: as the caller promises.
    let (offsets, scales) = unsafe {
        let offsets = memory::slice(offsets, width, "offsets")?;
        (offsets, memory::slice(scales, width, "scales")?)
    };
    Ok(Scaler::from_parts(offsets, scales)?)
}
