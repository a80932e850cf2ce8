//! Training time, and a learning rate that follows it.

use std::f64::consts::PI;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use feedforward::Schedule;
use feedforward::schedule::Progress;

/// Clock of the training time, without the pauses in which the program paints. Copies share it.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Mutex<Times>>);

#[derive(Debug, Default)]
struct Times {
    begun: Option<Instant>,
    running_since: Option<Instant>,
    trained: Duration,
}

impl Clock {
    pub fn start(&self) {
        self.with(|times| {
            let now = Instant::now();
            times.begun.get_or_insert(now);
            times.running_since.get_or_insert(now);
        });
    }

    pub fn pause(&self) {
        self.with(|times| {
            if let Some(since) = times.running_since.take() {
                times.trained += since.elapsed();
            }
        });
    }

    /// Pauses the clock during work that is not training.
    pub fn paused<R>(&self, work: impl FnOnce() -> R) -> R {
        self.pause();
        let result = work();
        self.start();
        result
    }

    /// Returns the seconds of training so far.
    pub fn trained(&self) -> f64 {
        self.with(|times| {
            let running = times.running_since.map(|since| since.elapsed());
            (times.trained + running.unwrap_or_default()).as_secs_f64()
        })
    }

    /// Returns the seconds since the first start.
    pub fn total(&self) -> f64 {
        self.with(|times| {
            times
                .begun
                .map_or(0.0, |begun| begun.elapsed().as_secs_f64())
        })
    }

    fn with<R>(&self, work: impl FnOnce(&mut Times) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Schedule along a cosine from the full rate to zero, over seconds of training instead of updates.
/// On any machine the rate reaches zero when the time is over.
#[derive(Debug)]
pub struct CosineInTime {
    pub clock: Clock,
    pub seconds: f64,
}

impl Schedule for CosineInTime {
    fn rate(&self, base: f64, _: &Progress) -> f64 {
        let part = (self.clock.trained() / self.seconds).min(1.0);
        base * (1.0 + (PI * part).cos()) / 2.0
    }
}
