//! A network learns to balance a pole, without gradients.
//!
//! `cargo run --example evolve [-- --generations N --seed N --rust FILE]`. A pole is hinged on a
//! cart. Fifty times a second the network sees positions and velocities of both, and pushes the
//! cart. It learns by an evolution strategy, which only needs to know how well a pole stayed up.
//! The strategy tries slight changes of the parameters, and moves the network toward the changes
//! that did well. This works with any network whose parameters are one slice.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use feedforward::activation::Tanh;
use feedforward::optimizer::{Adam, State};
use feedforward::{LayerSpec, Mlp, MlpRef};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

#[path = "common/cart_pole.rs"]
mod cart_pole;
#[macro_use]
#[path = "common/say.rs"]
mod say;

use cart_pole::{CartPole, FALLEN, FORCE, Rng, STEP, STEPS, TRACK, picture, seconds, starts};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(about = "Evolves a network that balances a pole, and shows it at work")]
struct Options {
    /// Number of generations
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    generations: u32,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Rust source to write, with the model for a program without files
    #[arg(long, value_name = "FILE")]
    rust: Option<PathBuf>,
    /// Print no progress
    #[arg(long)]
    quiet: bool,
    /// Show no animation in the terminal
    #[arg(long)]
    no_animation: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn run(options: &Options) -> Result<()> {
    if let Some(file) = &options.rust {
        say::prepare_file(file)?;
    }
    let mut net = Mlp::builder(4).hidden(HIDDEN, Tanh).output(1, Tanh);
    net = net.seed(options.seed);
    let mut net = net.build()?;
    // The evolution has starts of another seed, so these are unseen.
    let fresh = starts(options.seed ^ u64::MAX, FRESH);
    let before = Judgement::of(net.params(), &fresh)?;

    evolve(&mut net, options)?;

    let after = Judgement::of(net.params(), &fresh)?;
    println!("\n{FRESH} fresh starts, {} s each", seconds(STEPS));
    println!("  before: {before}");
    println!("  after:  {after}\n");
    show(net.params(), &after.hardest, options)?;
    if let Some(file) = &options.rust {
        std::fs::write(file, net.to_rust("BALANCE")?)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        say::wrote(&[file]);
    }
    Ok(())
}

// --- The network at the cart -------------------------------------------------------------------

const HIDDEN: usize = 16;

/// Layers of a network that borrows its parameters. Changed parameters are usable at once, because
/// nothing is packed.
static LAYERS: [LayerSpec<f32>; 2] = [LayerSpec::new(HIDDEN, &Tanh), LayerSpec::new(1, &Tanh)];

struct Driver<'a> {
    net: MlpRef<'a, f32>,
    scratch: [f32; 2 * HIDDEN],
}

impl<'a> Driver<'a> {
    fn new(params: &'a [f32]) -> Result<Self> {
        let net = MlpRef::new(4, &LAYERS, params)?;
        let scratch = [0.0; 2 * HIDDEN];
        Ok(Self { net, scratch })
    }

    fn drive(&mut self, cart: &mut CartPole) -> Result<()> {
        let mut output = [0.0];
        let seen = cart.seen();
        self.net
            .predict_into(&seen, &mut output, &mut self.scratch)?;
        cart.push(FORCE * f64::from(output[0]));
        Ok(())
    }

    /// Drives until the pole falls or time is up. Returns the number of steps that it stood, and
    /// the reward: 1 for each of these steps, minus a penalty for leaning and for distance.
    fn episode(&mut self, mut cart: CartPole) -> Result<(usize, f64)> {
        let mut reward = 0.0;
        for step in 0..STEPS {
            self.drive(&mut cart)?;
            if !cart.is_up() {
                return Ok((step, reward));
            }
            let (place, lean) = (cart.x / TRACK, cart.angle / FALLEN);
            reward += 1.0 - 0.5 * (place * place + lean * lean);
        }
        Ok((STEPS, reward))
    }
}

/// Returns the mean number of steps that the pole stood, and the mean reward, over some starts.
fn mean_episode(params: &[f32], starts: &[CartPole]) -> Result<(f64, f64)> {
    let mut driver = Driver::new(params)?;
    let (mut steps, mut reward) = (0.0, 0.0);
    for &start in starts {
        let (own_steps, own_reward) = driver.episode(start)?;
        steps += own_steps as f64 / starts.len() as f64;
        reward += own_reward / starts.len() as f64;
    }
    Ok((steps, reward))
}

// --- The evolution -----------------------------------------------------------------------------

/// Number of changes in a generation, each tried in both directions.
const PAIRS: usize = 32;
/// Standard deviation of the changes.
const SIGMA: f32 = 0.1;
/// Number of starts in a generation. All changes have the same starts, so that luck decides less.
const STARTS: usize = 4;
const LEARNING_RATE: f64 = 0.05;
const FRESH: usize = 1000;

/// Evolves the network (Salimans et al., 2017,
/// [arXiv:1703.03864](https://arxiv.org/abs/1703.03864)). For changes ε of standard normal numbers,
/// the expected value of
///
/// ```text
/// g = 1 / (2·n·σ) · Σ (f(p + σ·ε) - f(p - σ·ε))·ε     over n pairs
/// ```
///
/// is the gradient of the smoothed reward f. Ranks from -1/2 to 1/2 replace the rewards, so that a
/// single lucky reward does not outweigh all others.
fn evolve(net: &mut Mlp<f32>, options: &Options) -> Result<()> {
    let mut rng = Rng::seed_from_u64(options.seed);
    let adam = Adam::new(LEARNING_RATE);
    let mut state = State::new(&adam, net.layout())?;
    if !options.quiet {
        println!("generation   seconds up: mean   best   the network's own");
    }
    for generation in 1..=options.generations {
        let starts: Vec<_> = (0..STARTS).map(|_| CartPole::start(&mut rng)).collect();
        let changes: Vec<Vec<f32>> = (0..PAIRS)
            .map(|_| {
                let normals = StandardNormal.sample_iter(&mut rng);
                normals.take(net.params().len()).collect()
            })
            .collect();
        let mut tried = Vec::new();
        for change in &changes {
            for sign in [SIGMA, -SIGMA] {
                let pairs = net.params().iter().zip(change);
                let params: Vec<f32> = pairs.map(|(p, e)| p + sign * e).collect();
                tried.push(mean_episode(&params, &starts)?);
            }
        }
        let ranks = ranks(&tried);
        // Optimizers go downhill, so this is the gradient of the negative reward.
        let mut gradient = vec![0.0; net.params().len()];
        for (change, pair) in changes.iter().zip(ranks.chunks(2)) {
            let factor = (pair[1] - pair[0]) / (2.0 * PAIRS as f32 * SIGMA);
            for (g, e) in gradient.iter_mut().zip(change) {
                *g += factor * e;
            }
        }
        state.update(&adam, LEARNING_RATE, net.params_mut(), &gradient)?;

        let is_shown = generation <= 5 || generation % 10 == 0 || generation == options.generations;
        if is_shown && !options.quiet {
            let up = tried.iter().map(|(steps, _)| steps * STEP);
            let mean = up.clone().sum::<f64>() / tried.len() as f64;
            let best = up.fold(0.0, f64::max);
            let own = mean_episode(net.params(), &starts)?.0 * STEP;
            println!("{generation:>10}   {mean:>16.2}   {best:>4.1}   {own:>17.2}");
        }
    }
    Ok(())
}

/// Returns the rank of each reward, from -1/2 for the worst to 1/2 for the best.
fn ranks(tried: &[(f64, f64)]) -> Vec<f32> {
    let mut order: Vec<usize> = (0..tried.len()).collect();
    order.sort_by(|&a, &b| tried[a].1.total_cmp(&tried[b].1));
    let mut ranks = vec![0.0; tried.len()];
    for (rank, index) in order.into_iter().enumerate() {
        ranks[index] = rank as f32 / (tried.len() - 1) as f32 - 0.5;
    }
    ranks
}

// --- The result --------------------------------------------------------------------------------

/// Performance of a network from starts that it has not seen.
struct Judgement {
    starts: usize,
    balanced: usize,
    mean: f64,
    least: f64,
    /// Start with the smallest reward.
    hardest: CartPole,
}

impl Judgement {
    fn of(params: &[f32], starts: &[CartPole]) -> Result<Self> {
        let mut driver = Driver::new(params)?;
        let (mut balanced, mut sum, mut least) = (0, 0, STEPS);
        let mut hardest = (f64::INFINITY, starts[0]);
        for &start in starts {
            let (steps, reward) = driver.episode(start)?;
            balanced += usize::from(steps == STEPS);
            sum += steps;
            least = least.min(steps);
            if reward < hardest.0 {
                hardest = (reward, start);
            }
        }
        Ok(Self {
            starts: starts.len(),
            balanced,
            mean: seconds(sum) / starts.len() as f64,
            least: seconds(least),
            hardest: hardest.1,
        })
    }
}

impl std::fmt::Display for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            balanced,
            starts,
            mean,
            least,
            ..
        } = self;
        write!(
            f,
            "balanced {balanced} of {starts}, up for {mean:.2} s on average and for {least:.2} s at least"
        )
    }
}

/// Printed moments, in steps.
const MOMENTS: [usize; 4] = [0, 25, 100, STEPS];
/// Number of steps between two frames of the animation, and the pause that makes it real time.
const FRAME: usize = 2;
const PAUSE: Duration = Duration::from_millis(40);
/// Number of steps in the animation, half of an episode.
const SHOWN: usize = STEPS / 2;

/// Shows the network at work from this start: an animation in a terminal, then some moments.
fn show(params: &[f32], start: &CartPole, options: &Options) -> Result<()> {
    let mut driver = Driver::new(params)?;
    let mut states = vec![*start];
    let mut cart = *start;
    while states.len() <= STEPS && cart.is_up() {
        driver.drive(&mut cart)?;
        states.push(cart);
    }
    let can_move = io::stdout().is_terminal() && std::env::var("TERM").is_ok_and(|t| t != "dumb");
    if can_move && !options.no_animation && !options.quiet {
        for (index, state) in states.iter().enumerate().take(SHOWN).step_by(FRAME) {
            let frame = picture(state, index);
            let lines = frame.lines().count();
            say::print(format_args!("{frame}\x1b[{lines}A\r"));
            thread::sleep(PAUSE);
        }
        say::print(format_args!("\x1b[J"));
    }
    println!("The hardest of these starts:");
    let last = states.len() - 1;
    for step in MOMENTS
        .into_iter()
        .filter(|&step| step < last)
        .chain([last])
    {
        println!("{}", picture(&states[step], step));
    }
    Ok(())
}
