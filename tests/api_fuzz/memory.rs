//! An allocator that counts memory, and refuses more than a moderate process may have.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Maximum number of bytes that all threads together may hold.
const LIMIT: usize = 2 << 30;

struct Limited;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// Returns `true` and counts these bytes if the limit allows them.
fn take(bytes: usize) -> bool {
    let add = |held: usize| held.checked_add(bytes).filter(|&held| held <= LIMIT);
    HELD.fetch_update(Relaxed, Relaxed, add).is_ok()
}

// SAFETY: allowed calls are passed on unchanged to the system's allocator. Others return null, as
// if the system had no more memory.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if take(layout.size()) {
            // SAFETY: the caller upholds the system allocator's contract.
            unsafe { System.alloc(layout) }
        } else {
            std::ptr::null_mut()
        }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if take(layout.size()) {
            // SAFETY: as above.
            unsafe { System.alloc_zeroed(layout) }
        } else {
            std::ptr::null_mut()
        }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;
