//! Parallel work on threads, if the feature `rayon` is enabled.

#![cfg(target_has_atomic = "ptr")]

use alloc::vec::Vec;

use crate::error::{Result, check_count};
use crate::memory;

#[cfg(feature = "rayon")]
use pool::Pool;

/// Number of threads that a training run uses, and their pool.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    count: usize,
    #[cfg(feature = "rayon")]
    pool: Option<alloc::sync::Arc<Pool>>,
}

// The struct has the same methods with and without the feature.
#[cfg_attr(
    not(feature = "rayon"),
    allow(clippy::unused_self, clippy::needless_update)
)]
impl Threads {
    /// Uses only the caller's thread.
    pub(crate) fn one() -> Self {
        Self {
            count: 1,
            #[cfg(feature = "rayon")]
            pool: None,
        }
    }

    /// Uses rayon's global pool, which has one thread per core by default.
    pub(crate) fn all() -> Self {
        Self {
            #[cfg(feature = "rayon")]
            count: rayon::current_num_threads(),
            #[cfg(not(feature = "rayon"))]
            count: 1,
            ..Self::one()
        }
    }

    /// Uses a separate pool of this many threads, up to the number that can be useful.
    ///
    /// Without the feature `rayon`, it uses one thread. Idle pools are reused, because starting
    /// threads takes longer than a small training step.
    pub(crate) fn exactly(count: usize) -> Result<Self> {
        check_count("threads", count)?;
        #[cfg(feature = "rayon")]
        if count > 1 {
            let pool = Pool::of(count.min(pool::most()))?;
            return Ok(Self {
                count: pool.0.current_num_threads(),
                pool: Some(alloc::sync::Arc::new(pool)),
            });
        }
        Ok(Self::one())
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Runs `work` on a thread of the pool. Inside it, [`join`](Self::join) wakes no more threads
    /// than the work itself needs.
    pub(crate) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        #[cfg(test)]
        let work = crate::simd::with_set_of_this_thread(work);
        #[cfg(feature = "rayon")]
        match &self.pool {
            Some(pool) => return pool.0.install(work),
            None if self.count > 1 => return rayon::scope(|_| work()),
            None => {}
        }
        work()
    }

    /// Runs both functions, in parallel if there are several threads. Allocates nothing.
    pub(crate) fn join(&self, left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
        #[cfg(test)]
        let (left, right) = (
            crate::simd::with_set_of_this_thread(left),
            crate::simd::with_set_of_this_thread(right),
        );
        #[cfg(feature = "rayon")]
        if self.count > 1 {
            rayon::join(left, right);
            return;
        }
        left();
        right();
    }

    /// Calls `f` for each item, in parallel.
    pub(crate) fn for_each<I: Send>(&self, items: &mut [I], f: &(impl Fn(&mut I) + Sync)) {
        fn halves<I>(items: &mut [I]) -> (&mut [I], Option<&mut [I]>) {
            if items.len() < 2 {
                return (items, None);
            }
            let (left, right) = items.split_at_mut(items.len() / 2);
            (left, Some(right))
        }
        let run = |items: &mut [I]| items.iter_mut().for_each(f);
        self.divide(items, &halves, &run);
    }

    /// Calls `f` for each item, in parallel and to the end. Returns the results in order, or the
    /// error of the first item that has one.
    pub(crate) fn try_map<I: Send, R: Send>(
        &self,
        what: &'static str,
        items: impl ExactSizeIterator<Item = I>,
        f: &(impl Fn(&mut I) -> Result<R> + Sync),
    ) -> Result<Vec<R>> {
        let count = items.len();
        let mut items = memory::collected(what, count, items.map(|item| (item, None)))?;
        self.install(|| self.for_each(&mut items, &|(item, result)| *result = Some(f(item))));
        items.into_iter().filter_map(|(_, result)| result).collect()
    }

    /// Splits the work in two until `split` returns no second part, and runs the parts in parallel.
    ///
    /// Allocates nothing.
    pub(crate) fn divide<W: Send>(
        &self,
        work: W,
        split: &(impl Fn(W) -> (W, Option<W>) + Sync),
        run: &(impl Fn(W) + Sync),
    ) {
        match split(work) {
            (work, None) => run(work),
            (left, Some(right)) => self.join(
                || self.divide(left, split, run),
                || self.divide(right, split, run),
            ),
        }
    }
}

/// Pools of threads, kept for later users.
#[cfg(feature = "rayon")]
mod pool {
    use alloc::sync::Arc;
    use alloc::vec::Vec;
    use std::sync::{Mutex, OnceLock, PoisonError};

    use rayon::{ThreadPool, ThreadPoolBuilder};

    use crate::error::{Error, Result};

    /// Number of parts of a minibatch.
    ///
    /// Machines with fewer cores still start this many threads on request. Results do not depend on
    /// the number of threads, and tests verify this.
    const PARTS: usize = 16;

    /// Returns the maximum number of threads in a pool, and of idle threads to keep.
    pub(super) fn most() -> usize {
        static MOST: OnceLock<usize> = OnceLock::new();
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        *MOST.get_or_init(|| cores().max(PARTS))
    }

    /// Idle pools. The last one was returned most recently.
    static IDLE: Mutex<Vec<Arc<ThreadPool>>> = Mutex::new(Vec::new());

    #[cfg(test)]
    pub(super) fn idle_threads() -> usize {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().map(|pool| pool.current_num_threads()).sum()
    }

    /// A pool with one user at a time, because two users would wait for each other's work.
    ///
    /// Dropping it returns the pool for later use.
    #[derive(Debug)]
    pub(super) struct Pool(pub(super) Arc<ThreadPool>);

    impl Pool {
        pub(super) fn of(count: usize) -> Result<Self> {
            let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
            let fits = |pool: &Arc<ThreadPool>| pool.current_num_threads() == count;
            if let Some(index) = idle.iter().rposition(fits) {
                return Ok(Self(idle.remove(index)));
            }
            drop(idle);
            let pool = ThreadPoolBuilder::new().num_threads(count).build();
            let pool = pool.map_err(|error| {
                Error::too_large("threads", "as many as the system can start", error)
            })?;
            Ok(Self(Arc::new(pool)))
        }
    }

    impl Drop for Pool {
        fn drop(&mut self) {
            let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(Arc::clone(&self.0));
            let mut threads = 0;
            let kept = idle.iter().rev().take_while(|pool| {
                threads += pool.current_num_threads();
                threads <= most()
            });
            let excess = idle.len() - kept.count();
            idle.drain(..excess);
        }
    }
}

#[cfg(all(test, feature = "rayon"))]
mod tests {
    use super::*;

    #[test]
    fn as_many_threads_as_can_be_of_use() {
        let cores = std::thread::available_parallelism().unwrap().get();
        for (asked, count) in [(1, 1), (2, 2), (16, 16), (100_000, cores.max(16))] {
            let threads = Threads::exactly(asked).unwrap();
            assert_eq!(threads.count(), count, "{asked}");
        }
        assert_eq!(Threads::exactly(usize::MAX).unwrap().count(), cores.max(16));
        assert!(Threads::exactly(0).is_err());
    }

    /// Uses numbers of threads that no other test uses.
    #[test]
    fn a_pool_is_used_again_but_never_by_two() {
        let name = |threads: &Threads| {
            let pool = threads.pool.as_ref().unwrap();
            format!("{:?}", **pool)
        };
        let first = Threads::exactly(13).unwrap();
        let shared = first.clone();
        let second = Threads::exactly(13).unwrap();
        let (one, other) = (name(&first), name(&second));
        assert_ne!(one, other);
        assert_eq!(name(&shared), one);
        drop(first);
        assert_ne!(name(&Threads::exactly(13).unwrap()), one, "still in use");
        drop((shared, second));
        // The pool that was returned last is reused first.
        let third = Threads::exactly(13).unwrap();
        assert_eq!(name(&third), other);
    }

    #[test]
    fn idle_threads_are_bounded() {
        let pools: Vec<_> = (0..40).map(|_| Threads::exactly(7).unwrap()).collect();
        drop(pools);
        assert!(pool::idle_threads() <= pool::most());
    }
}
