//! A pole on a cart, which the examples `evolve` and `dqn` learn to balance.

use std::fmt::Write as _;

use feedforward::math::{cos, sin};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

pub type Rng = ChaCha8Rng;

/// Gravity, masses of cart and pole, and half the pole's length, in meters, kilograms and seconds.
/// They are those of Barto, Sutton and Anderson, *Neuronlike adaptive elements that can solve
/// difficult learning control problems*, 1983. There is no friction.
const GRAVITY: f64 = 9.8;
const CART: f64 = 1.0;
const POLE: f64 = 0.1;
const HALF: f64 = 0.5;
/// Maximum force, in newtons. Barto, Sutton and Anderson always apply it, to the left or right.
pub const FORCE: f64 = 10.0;
/// Time between two decisions, and number of decisions in an episode.
pub const STEP: f64 = 0.02;
pub const STEPS: usize = 500;
/// End of the track, and angle beyond which the pole has fallen: 12 degrees.
pub const TRACK: f64 = 2.4;
pub const FALLEN: f64 = 12.0 * std::f64::consts::PI / 180.0;

/// Position and speed of the cart, and angle and angular speed of the pole. Upright is 0.
#[derive(Clone, Copy, Debug)]
pub struct CartPole {
    pub x: f64,
    pub speed: f64,
    pub angle: f64,
    pub turning: f64,
}

impl CartPole {
    /// Draws a start that is neither in the middle nor at rest, but can still be balanced.
    pub fn start(rng: &mut Rng) -> Self {
        let mut within = |reach: f64| (rng.random::<f64>() * 2.0 - 1.0) * reach;
        Self {
            x: within(1.0),
            speed: within(0.5),
            angle: within(FALLEN / 2.0),
            turning: within(0.5),
        }
    }

    /// Moves cart and pole until the next decision. The pole has mass m, half length l, angle θ and
    /// angular speed ω. The cart has speed v, and M is the sum of the masses. Newton's laws are
    ///
    /// ```text
    /// a  = (F + m·l·ω²·sin θ) / M
    /// ω' = (g·sin θ - a·cos θ) / (l·(4/3 - m·cos² θ / M))
    /// v' = a - m·l·ω'·cos θ / M
    /// ```
    ///
    /// The velocities take an Euler step, and the positions a step along the new velocities. This
    /// keeps a swinging pole from gaining energy.
    pub fn push(&mut self, force: f64) {
        let (sin, cos) = (sin(self.angle), cos(self.angle));
        let mass = CART + POLE;
        let a = (force + POLE * HALF * self.turning * self.turning * sin) / mass;
        let inertia = HALF * (4.0 / 3.0 - POLE * cos * cos / mass);
        let turning = (GRAVITY * sin - a * cos) / inertia;
        let speed = a - POLE * HALF * turning * cos / mass;
        self.speed += STEP * speed;
        self.turning += STEP * turning;
        self.x += STEP * self.speed;
        self.angle += STEP * self.turning;
    }

    pub fn is_up(&self) -> bool {
        self.x.abs() <= TRACK && self.angle.abs() <= FALLEN
    }

    /// Returns the inputs of the network: all four numbers, scaled to about [-1, 1].
    pub fn seen(&self) -> [f32; 4] {
        [
            self.x / TRACK,
            self.speed / 2.0,
            self.angle / FALLEN,
            self.turning / 2.0,
        ]
        .map(|value| value as f32)
    }
}

pub fn starts(seed: u64, count: usize) -> Vec<CartPole> {
    let mut rng = Rng::seed_from_u64(seed);
    (0..count).map(|_| CartPole::start(&mut rng)).collect()
}

pub fn seconds(steps: usize) -> f64 {
    steps as f64 * STEP
}

/// Dots per meter in the picture. Characters are 2 dots wide and 4 dots high.
const DOTS: f64 = 16.0;
const COLUMNS: usize = 40;
const ROWS: usize = 5;

/// Draws cart and pole on the track in braille characters, to scale.
pub fn picture(cart: &CartPole, step: usize) -> String {
    let mut canvas = [[0_u8; COLUMNS]; ROWS];
    // Meters from the middle of the track, and above the hinge.
    let mut dot = |x: f64, y: f64| {
        let column = (COLUMNS as f64 + x * DOTS).round();
        let row = ((ROWS * 4 - 4) as f64 - y * DOTS).round();
        if (0.0..2.0 * COLUMNS as f64).contains(&column) && (0.0..4.0 * ROWS as f64).contains(&row)
        {
            let (column, row) = (column as usize, row as usize);
            let bits = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
            canvas[row / 4][column / 2] |= bits[row % 4][column % 2];
        }
    };
    for part in 0..=64 {
        let along = 2.0 * HALF * f64::from(part) / 64.0;
        dot(cart.x + along * sin(cart.angle), along * cos(cart.angle));
    }
    for part in -6..=6 {
        for below in 0..3 {
            dot(cart.x + f64::from(part) / DOTS, -f64::from(below) / DOTS);
        }
    }
    let mut text = String::new();
    for (index, row) in canvas.iter().enumerate() {
        let line: String = row.iter().map(|&bits| braille(bits)).collect();
        let caption = match index {
            0 => format!("  {:5.1} s", seconds(step)),
            1 => format!("  {:+5.1} degrees", cart.angle.to_degrees()),
            2 => format!("  {:+5.2} m", cart.x),
            _ => String::new(),
        };
        let _ = writeln!(text, "  |{line}|{caption}");
    }
    let _ = writeln!(text, "  +{}+", "-".repeat(COLUMNS));
    text
}

fn braille(dots: u8) -> char {
    char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' ')
}
