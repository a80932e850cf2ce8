//! A process that runs cases one after the other.

use std::backtrace::Backtrace;
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::case::{Case, Number, seen};
use crate::worker::{FAIL, HANG, START};
use crate::{by_hand, fits, gradients, models, nets, quantized, tools, training};

/// Maximum time of a case. If it is exceeded, the case hangs or the machine is busy, so the case is
/// repeated alone with more time.
const LIMIT: Duration = Duration::from_secs(5);
const LIMIT_ALONE: Duration = Duration::from_secs(30);

/// Location and message of the last panic.
static PANIC: Mutex<Option<(String, String)>> = Mutex::new(None);

pub fn run(numbers: &[String]) -> ExitCode {
    let numbers: Vec<u64> = numbers.iter().filter_map(|n| n.parse().ok()).collect();
    let [seed, first, step, end, told] = numbers[..] else {
        return ExitCode::FAILURE;
    };
    std::panic::set_hook(Box::new(remember));
    watch(if told > 0 { LIMIT_ALONE } else { LIMIT });
    let mut case = first;
    while case < end {
        tell(&format!("{START}{case}"));
        CASE.store(case, Relaxed);
        STARTED.store(now(), Relaxed);
        if catch_unwind(AssertUnwindSafe(|| run_case(seed, case, told > 0))).is_err() {
            let (kind, message) = PANIC.lock().unwrap().take().unwrap_or_default();
            tell(&format!("{FAIL}{case}\t{kind}\t{}", message.escape_debug()));
        }
        case += step;
    }
    ExitCode::SUCCESS
}

fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

static CASE: AtomicU64 = AtomicU64::new(0);
/// Start of the current case, or the maximum before the first case.
static STARTED: AtomicU64 = AtomicU64::new(u64::MAX);

/// Returns the milliseconds since the first call.
fn now() -> u64 {
    static START: Mutex<Option<Instant>> = Mutex::new(None);
    let start = *START.lock().unwrap().get_or_insert_with(Instant::now);
    start.elapsed().as_millis() as u64
}

/// Ends the process if a case hangs.
fn watch(limit: Duration) {
    now();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let since = Duration::from_millis(now().saturating_sub(STARTED.load(Relaxed)));
            if since > limit {
                tell(&format!("{HANG}{}", CASE.load(Relaxed)));
                std::process::abort();
            }
        }
    });
}

/// Records a panic with the innermost location in the crate, or in the failed check.
fn remember(info: &PanicHookInfo<'_>) {
    let text = info.payload().downcast_ref::<&str>().copied();
    let text = text.or_else(|| info.payload().downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or("a panic without a message").to_string();
    let mut place = info.location().map(ToString::to_string).unwrap_or_default();
    if !place.starts_with("tests/") {
        let trace = Backtrace::force_capture().to_string();
        let lines = trace
            .lines()
            .filter_map(|line| line.trim().strip_prefix("at "));
        let own = lines.map(|line| line.strip_prefix("./").unwrap_or(line));
        let mut own = own.filter(|line| line.starts_with("src/"));
        if let Some(line) = own.next() {
            place = line.to_string();
        }
    }
    *PANIC.lock().unwrap() = Some((place, message));
}

fn run_case(seed: u64, number: u64, told: bool) {
    let mut case = Case::new(seed, number, told);
    if case.random.percent(50) {
        say!(case, "with f32");
        calls::<f32>(&mut case);
    } else {
        say!(case, "with f64");
        calls::<f64>(&mut case);
    }
}

/// Creates a network and calls some of its methods.
fn calls<T: Number>(case: &mut Case) {
    if case.random.percent(25) {
        for _ in 0..case.random.between(2, 5) {
            alone::<T>(case);
        }
        return;
    }
    let built = if case.random.percent(60) {
        nets::build::<T>(case)
    } else {
        Some(nets::usual(case))
    };
    let Some(mut net) = built else { return };
    for _ in 0..case.random.between(2, 6) {
        match case.random.below(20) {
            0 => nets::change(case, &mut net),
            1..=3 => nets::predict(case, &net),
            4 | 5 => nets::files(case, &net),
            6 | 7 => gradients::compute(case, &net),
            8 => gradients::state(case, &mut net),
            9..=11 => training::fit(case, &mut net),
            12 => training::pause(case, &mut net),
            13 | 14 => training::wander(case, &net),
            15 => by_hand::whole(case, &mut net),
            16 => by_hand::wander(case, &net),
            17 if case.random.percent(50) => training::levenberg_marquardt(case, &mut net),
            17 => training::lbfgs(case, &mut net),
            18 => models::regressor(case, &net),
            _ if case.random.percent(50) => models::scale(case, &mut net),
            _ => models::file(case, &net),
        }
    }
}

/// Calls functions that need no network.
fn alone<T: Number>(case: &mut Case) {
    match case.random.below(21) {
        0..=2 => models::classifier::<T, String>(case),
        3 => models::classifier::<T, u32>(case),
        4 => models::multilabel::<T, String>(case),
        5 => models::multilabel::<T, u32>(case),
        6 => models::encode::<T>(case),
        7 | 8 => tools::product::<T>(case),
        9 => tools::metrics::<T>(case),
        10 => tools::batches(case),
        11 => tools::schedule(case),
        16 if case.random.percent(50) => tools::folds(case),
        16 => tools::split(case),
        12 if case.random.percent(50) => fits::run(case),
        12 => tools::minimizer::<T>(case),
        13 => nets::neuron::<T>(case),
        18 => quantized::network_in_int8(case),
        19 => quantized::weights_in_int8(case),
        20 => quantized::parts(case),
        14 => nets::layout(case),
        15 => nets::names::<T>(case),
        _ => {
            let Some(builder) = nets::builder::<T>(case) else {
                return;
            };
            say!(case, ".build()");
            let _ = seen(builder.build()).map(|net| net.params().len());
        }
    }
}
