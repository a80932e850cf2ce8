//! A network learns to balance a pole from rewards alone: `cargo run --example dqn [-- --seed N]`.
//!
//! A pole is hinged on a cart, which is pushed to the left or right fifty times a second. The
//! network estimates the value of both pushes: the sum of future rewards. It learns by deep
//! Q-learning (Mnih et al., 2015, *Human-level control through deep reinforcement learning*), from
//! its own attempts. It changes after each push, and predicts before the next one, so a predictor
//! takes over the new parameters without allocation.

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use feedforward::activation::{Identity, Relu};
use feedforward::loss::Huber;
use feedforward::optimizer::{Adam, State};
use feedforward::{GradientWorkspace, Mlp, Predictor};
use rand::{RngExt, SeedableRng};

#[path = "common/cart_pole.rs"]
mod cart_pole;
#[macro_use]
#[path = "common/say.rs"]
mod say;

use cart_pole::{CartPole, FORCE, Rng, STEPS, picture, seconds, starts};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(about = "Learns to balance a pole from rewards, and shows it at work")]
struct Options {
    /// Maximum number of episodes
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    episodes: u32,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print no progress
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

/// Inputs of the network, and pushes: to the left and to the right.
const INPUTS: usize = 4;
const PUSHES: usize = 2;
const HIDDEN: usize = 64;
/// Number of remembered pushes, and of those in a minibatch.
const MEMORY: usize = 50_000;
const BATCH: usize = 32;
/// Pushes before the first update.
const WARM_UP: usize = 1000;
/// Reward of each push. Values up to 1 / (1 - γ) times as large suit the network and its loss.
const REWARD: f32 = 0.05;
/// Factor γ of a reward for each push that it lies in the future.
const DISCOUNT: f32 = 0.99;
const LEARNING_RATE: f64 = 5e-4;
/// Updates between two copies of the network into the target network.
const COPY: usize = 500;
/// The share of random pushes falls from 1 to `LEAST` during this many pushes.
const EXPLORATION: usize = 10_000;
const LEAST: f64 = 0.02;
/// Starts that decide whether the pole is balanced, and others that judge at the end.
const TRIALS: usize = 20;
const FRESH: usize = 1000;
/// Episodes between two trials.
const EVERY: u32 = 10;

fn run(options: &Options) -> Result<()> {
    let mut learner = Learner::new(options.seed)?;
    let begun = Instant::now();
    let trials = starts(options.seed ^ u64::MAX, TRIALS);
    if !options.quiet {
        println!("episode   pushes   seconds up in {TRIALS} trials: mean   least");
    }
    for episode in 1..=options.episodes {
        learner.episode()?;
        if !episode.is_multiple_of(EVERY) && episode != options.episodes {
            continue;
        }
        let up = learner.trials(&trials)?;
        let mean = seconds(up.iter().sum()) / TRIALS as f64;
        let least = up.into_iter().min().unwrap_or(0);
        if !options.quiet && (episode.is_multiple_of(5 * EVERY) || least == STEPS) {
            let (pushes, least) = (learner.pushes, seconds(least));
            println!("{episode:>7}   {pushes:>6}   {mean:>30.2}   {least:>5.2}");
        }
        if least == STEPS {
            break;
        }
    }
    let micros = learner.updating.as_secs_f64() * 1e6 / learner.updates.max(1) as f64;
    println!(
        "\n{:.1} s, {} updates of {BATCH} samples, {micros:.0} µs each",
        begun.elapsed().as_secs_f64(),
        learner.updates
    );
    let fresh = starts(options.seed ^ (u64::MAX >> 1), FRESH);
    let up = learner.trials(&fresh)?;
    let balanced = up.iter().filter(|&&steps| steps == STEPS).count();
    let mean = seconds(up.iter().sum()) / FRESH as f64;
    println!("{FRESH} fresh starts: balanced {balanced}, up for {mean:.2} s on average\n");

    let hardest = fresh.iter().zip(&up).min_by_key(|&(_, &steps)| steps);
    let (mut cart, mut step) = (*hardest.ok_or("no starts")?.0, 0);
    println!(
        "The hardest of these starts, and its end:\n{}",
        picture(&cart, 0)
    );
    while step < STEPS && cart.is_up() {
        learner.best_push(&mut cart)?;
        step += 1;
    }
    println!("{}", picture(&cart, step));
    Ok(())
}

/// A push, its reward, and what followed.
struct Experience {
    before: [f32; INPUTS],
    push: usize,
    after: [f32; INPUTS],
    /// `true` if the pole fell, or the cart left its track.
    fell: bool,
}

struct Learner {
    rng: Rng,
    net: Mlp<f32>,
    /// The network of now, and the target network: that of some time ago.
    now: Predictor<f32>,
    target: Predictor<f32>,
    adam: Adam,
    state: State<f32>,
    gradient: GradientWorkspace<f32>,
    memory: Vec<Experience>,
    pushes: usize,
    updates: usize,
    updating: Duration,
}

impl Learner {
    fn new(seed: u64) -> Result<Self> {
        let net = Mlp::builder(INPUTS).hidden_layers(2, HIDDEN, Relu);
        let net = net.output(PUSHES, Identity).seed(seed).build()?;
        let adam = Adam::new(LEARNING_RATE);
        Ok(Self {
            rng: Rng::seed_from_u64(seed),
            now: Predictor::new(net.clone())?,
            target: Predictor::new(net.clone())?,
            state: State::new(&adam, net.layout())?,
            gradient: GradientWorkspace::new(&net),
            memory: Vec::new(),
            pushes: 0,
            updates: 0,
            updating: Duration::ZERO,
            adam,
            net,
        })
    }

    /// Drives from a random start until the pole falls or time is up, and learns after each push.
    fn episode(&mut self) -> Result<()> {
        let mut cart = CartPole::start(&mut self.rng);
        for _ in 0..STEPS {
            let before = cart.seen();
            let share = 1.0 - self.pushes as f64 / EXPLORATION as f64;
            let push = if self.rng.random::<f64>() < share.max(LEAST) {
                self.rng.random_range(0..PUSHES)
            } else {
                self.best(&before)?
            };
            cart.push(force(push));
            let fell = !cart.is_up();
            let after = cart.seen();
            let experience = Experience {
                before,
                push,
                after,
                fell,
            };
            // The newest experience replaces the oldest one.
            if self.memory.len() < MEMORY {
                self.memory.push(experience);
            } else {
                self.memory[self.pushes % MEMORY] = experience;
            }
            self.pushes += 1;
            if self.pushes >= WARM_UP {
                self.learn()?;
            }
            if fell {
                break;
            }
        }
        Ok(())
    }

    /// Updates the network with a minibatch of what it remembers. The value of a push is
    ///
    /// ```text
    /// r + γ · Q'(s', argmax Q(s'))    r if the pole has fallen
    /// ```
    ///
    /// with the reward r, the state s' that followed, the network Q and the target network Q'. This
    /// is double Q-learning (van Hasselt, Guez and Silver, 2015,
    /// [arXiv:1509.06461](https://arxiv.org/abs/1509.06461)).
    fn learn(&mut self) -> Result<()> {
        let begun = Instant::now();
        let (mut before, mut after) = ([[0.0; INPUTS]; BATCH], [[0.0; INPUTS]; BATCH]);
        let mut chosen = [0; BATCH];
        for row in 0..BATCH {
            chosen[row] = self.rng.random_range(0..self.memory.len());
            before[row] = self.memory[chosen[row]].before;
            after[row] = self.memory[chosen[row]].after;
        }
        let [mut values, mut next, mut later] = [[[0.0; PUSHES]; BATCH]; 3];
        let (now, before) = (&mut self.now, before.as_flattened());
        now.predict_into(before, values.as_flattened_mut())?;
        now.predict_into(after.as_flattened(), next.as_flattened_mut())?;
        let target = &mut self.target;
        target.predict_into(after.as_flattened(), later.as_flattened_mut())?;
        for row in 0..BATCH {
            let Experience { push, fell, .. } = self.memory[chosen[row]];
            let future = if fell {
                0.0
            } else {
                later[row][best_of(next[row])]
            };
            // The other push keeps its value, so its error is 0.
            values[row][push] = REWARD + DISCOUNT * future;
        }
        let (gradient, loss) = (&mut self.gradient, Huber::new(1.0));
        gradient.compute(&self.net, before, values.as_flattened(), &loss)?;
        let params = self.net.params_mut();
        self.state
            .update(&self.adam, LEARNING_RATE, params, gradient.values())?;
        self.now.refresh(&self.net)?;
        self.updates += 1;
        if self.updates.is_multiple_of(COPY) {
            self.target.refresh(&self.net)?;
        }
        self.updating += begun.elapsed();
        Ok(())
    }

    /// Returns the push with the largest value.
    fn best(&mut self, seen: &[f32; INPUTS]) -> Result<usize> {
        let mut values = [0.0; PUSHES];
        self.now.predict_into(seen, &mut values)?;
        Ok(best_of(values))
    }

    fn best_push(&mut self, cart: &mut CartPole) -> Result<()> {
        cart.push(force(self.best(&cart.seen())?));
        Ok(())
    }

    /// Returns the number of steps that the pole stood from each start, without random pushes.
    fn trials(&mut self, starts: &[CartPole]) -> Result<Vec<usize>> {
        let up = starts.iter().map(|&start| {
            let (mut cart, mut steps) = (start, 0);
            while steps < STEPS {
                self.best_push(&mut cart)?;
                if !cart.is_up() {
                    break;
                }
                steps += 1;
            }
            Ok(steps)
        });
        up.collect()
    }
}

fn best_of(values: [f32; PUSHES]) -> usize {
    usize::from(values[1] > values[0])
}

fn force(push: usize) -> f64 {
    [-FORCE, FORCE][push]
}
