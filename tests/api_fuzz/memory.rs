//! An allocator that counts, and refuses what a process of moderate size cannot have.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes that all threads together may hold.
const LIMIT: usize = 2 << 30;

struct Limited;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// Whether so many more are allowed; they are counted then.
fn take(bytes: usize) -> bool {
    let add = |held: usize| held.checked_add(bytes).filter(|&held| held <= LIMIT);
    HELD.fetch_update(Relaxed, Relaxed, add).is_ok()
}

// SAFETY: what is allowed is passed on to the system's allocator as it came; the rest gets null,
// as from a system that has no more.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if take(layout.size()) {
            // SAFETY: the caller's promises are the system allocator's.
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
