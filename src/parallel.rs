//! Sharing work among threads, where the feature `rayon` is on.

use crate::error::{Error, Result};

/// How many threads share a training's work, and where they come from.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    count: usize,
    #[cfg(feature = "rayon")]
    pool: Option<alloc::sync::Arc<rayon::ThreadPool>>,
}

// One shape with the feature and without.
#[cfg_attr(
    not(feature = "rayon"),
    allow(clippy::unused_self, clippy::needless_update)
)]
impl Threads {
    /// The caller's thread alone.
    pub(crate) fn one() -> Self {
        Self {
            count: 1,
            #[cfg(feature = "rayon")]
            pool: None,
        }
    }

    /// As many as there are cores, or as rayon's global pool was told to have.
    pub(crate) fn all() -> Self {
        Self {
            #[cfg(feature = "rayon")]
            count: rayon::current_num_threads(),
            #[cfg(not(feature = "rayon"))]
            count: 1,
            ..Self::one()
        }
    }

    /// A pool of its own of so many threads; without the feature `rayon`, one.
    pub(crate) fn exactly(count: usize) -> Result<Self> {
        if count == 0 {
            return Err(Error::out_of_range("threads", "at least 1", 0));
        }
        #[cfg(feature = "rayon")]
        if count > 1 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build();
            let pool = pool.map_err(|error| {
                Error::out_of_range("threads", "as many as the system can start", error)
            })?;
            return Ok(Self {
                count,
                pool: Some(alloc::sync::Arc::new(pool)),
            });
        }
        Ok(Self::one())
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Runs `work` on a thread of the pool, where [`join`](Self::join) needs no more
    /// waking of threads than the work itself.
    pub(crate) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        #[cfg(feature = "rayon")]
        match &self.pool {
            Some(pool) => return pool.install(work),
            None if self.count > 1 => return rayon::scope(|_| work()),
            None => {}
        }
        work()
    }

    /// Does both, at once if there are several threads. Allocates nothing.
    pub(crate) fn join(&self, left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
        #[cfg(feature = "rayon")]
        if self.count > 1 {
            rayon::join(left, right);
            return;
        }
        left();
        right();
    }

    /// Calls `f` for each item, by halves.
    pub(crate) fn for_each<I: Send>(&self, items: &mut [I], f: &(impl Fn(&mut I) + Sync)) {
        match items {
            [] => {}
            [item] => f(item),
            _ => {
                let (left, right) = items.split_at_mut(items.len() / 2);
                self.join(|| self.for_each(left, f), || self.for_each(right, f));
            }
        }
    }
}
