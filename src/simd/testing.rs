//! A set for the thread of one test. It does not change the set of other tests.

use core::cell::Cell;

use super::InstructionSet;

std::thread_local! {
    static SET: Cell<Option<InstructionSet>> = const { Cell::new(None) };
}

pub(super) fn set_of_this_thread() -> Option<InstructionSet> {
    SET.get()
}

/// Runs a test once per set that the CPU has.
pub(crate) fn on_every_set(mut test: impl FnMut()) {
    for set in InstructionSet::available() {
        with_set(Some(set), &mut test);
    }
}

/// Returns `work` for another thread, which runs it with the set of this thread.
pub(crate) fn with_set_of_this_thread<R>(work: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let set = SET.get();
    move || with_set(set, work)
}

fn with_set<R>(set: Option<InstructionSet>, work: impl FnOnce() -> R) -> R {
    /// Puts the set of before back, even if a test panics.
    struct Before(Option<InstructionSet>);
    impl Drop for Before {
        fn drop(&mut self) {
            SET.set(self.0);
        }
    }
    let _before = Before(SET.replace(set));
    work()
}
