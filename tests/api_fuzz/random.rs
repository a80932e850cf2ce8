//! Random numbers, which depend only on the seed and the case's number.

/// A generator (SplitMix64) with equal numbers on every machine.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    /// Percentage of draws that are odd.
    oddity: usize,
}

impl Random {
    /// Returns the generator of one case.
    pub fn of_case(seed: u64, case: u64) -> Self {
        let mut random = Self {
            state: seed ^ case.wrapping_mul(0xd134_2543_de82_ef95),
            oddity: 0,
        };
        // If every draw were odd, the first call would fail and nothing else would be reached.
        random.oddity = random.pick(&[0, 1, 3, 3, 10, 25]);
        random
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Returns a number below `end`, which must be above 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Returns a number from `first` to `last`, both included.
    pub fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Returns `true` if the next value should be odd.
    pub fn odd(&mut self) -> bool {
        let oddity = self.oddity;
        self.percent(oddity)
    }

    pub fn pick<V: Clone>(&mut self, values: &[V]) -> V {
        values[self.below(values.len())].clone()
    }

    /// Returns a uniform number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Returns a setting: one of the usual values, or an odd number.
    pub fn setting(&mut self, usual: &[f64]) -> f64 {
        if self.odd() {
            self.pick(&ODD)
        } else {
            self.pick(usual)
        }
    }

    /// Returns a count: one of the usual values, or an odd one.
    pub fn count(&mut self, usual: &[usize]) -> usize {
        if self.odd() {
            self.pick(&ODD_COUNTS)
        } else {
            self.pick(usual)
        }
    }
}

/// Numbers that are likely to break something.
pub const ODD: [f64; 24] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.0,
    -0.5,
    1.0 - f64::EPSILON,
    1e-8,
    1e-60,
    -1e-60,
    1e-300,
    5e-324,
    f64::MIN_POSITIVE,
    1e30,
    1e39,
    -1e39,
    1e300,
    -1e300,
    f64::MAX,
    f64::MIN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::EPSILON,
];

/// Counts and sizes that are likely to break something.
pub const ODD_COUNTS: [usize; 12] = [
    0,
    0,
    1,
    1 << 32,
    1 << 40,
    1 << 60,
    1 << 63,
    isize::MAX as usize,
    usize::MAX / 2,
    usize::MAX / 8,
    usize::MAX - 1,
    usize::MAX,
];
