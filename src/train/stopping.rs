//! Noticing that a loss has stopped falling.

/// Counts epochs in which a loss did not get below its best by more than a margin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plateau {
    margin: f64,
    patience: usize,
    best: f64,
    bad_epochs: usize,
}

impl Plateau {
    pub(super) fn new(margin: f64, patience: usize) -> Self {
        Self {
            margin,
            patience,
            best: f64::INFINITY,
            bad_epochs: 0,
        }
    }

    /// Takes an epoch's loss and says whether it is the best so far.
    pub(super) fn see(&mut self, loss: f64) -> bool {
        if loss > self.best - self.margin {
            self.bad_epochs += 1;
        } else {
            self.bad_epochs = 0;
        }
        let best = loss < self.best;
        if best {
            self.best = loss;
        }
        best
    }

    /// Whether patience has run out.
    pub(super) fn is_over(&self) -> bool {
        self.bad_epochs > self.patience
    }
}
