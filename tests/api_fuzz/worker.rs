//! Runs cases in child processes, and evaluates how these end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// First argument of a child. The others are seed, first case, step, end, and 1 to print calls.
pub const CHILD: &str = "--cases-of-a-child";

/// Prefixes of a child's output lines.
pub const START: &str = "start ";
pub const FAIL: &str = "fail ";
pub const HANG: &str = "hang ";

/// A case that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    pub case: u64,
    /// Location of a panic, or kind of another failure.
    pub kind: String,
    pub message: String,
}

fn spawn(numbers: [u64; 5]) -> Child {
    let program = std::env::current_exe().expect("the path of this program");
    Command::new(program)
        .arg(CHILD)
        .args(numbers.map(|number| number.to_string()))
        .env("RUST_BACKTRACE", "0") // printing a backtrace takes longer than the case
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a child process")
}

/// Runs the cases `first`, `first + step`, ... below `end`, and reports the failures.
pub fn run_all(seed: u64, first: u64, step: u64, end: u64, mut failed: impl FnMut(Failure)) {
    let mut next = first;
    while next < end {
        let mut last = None;
        let ended = run([seed, next, step, end, 0], |line| {
            if let Some(case) = line.strip_prefix(START) {
                last = case.parse().ok();
            } else {
                failure_in(line).map(&mut failed);
            }
        });
        let Some(case) = last else {
            panic!("a child did nothing: {ended:?}");
        };
        if let Some(mut failure) = ended {
            failure.case = case;
            let is_slow = failure.kind == HANG.trim();
            // The case is repeated, with more time and with its calls printed.
            match repeat(seed, case, |_| ()) {
                None if is_slow => {}
                Some(again) => failed(again),
                None => failed(failure),
            }
        } else if case + step < end {
            panic!("a child ended before its last case");
        }
        next = case + step;
    }
}

/// Runs one case, and shows its calls one by one.
pub fn repeat(seed: u64, case: u64, mut show: impl FnMut(&str)) -> Option<Failure> {
    let (mut failure, mut call) = (None, String::new());
    let ended = run([seed, case, 1, case + 1, 1], |line| {
        if line.starts_with(' ') {
            call = line.trim().to_string();
            show(line);
        } else if !line.starts_with(START) {
            failure = failure_in(line).or(failure.take());
        }
    });
    let ended = ended.map(|failure| Failure {
        case,
        // The last call is the one that did not return.
        kind: format!("{} in {}", failure.kind, shortened(&call)),
        ..failure
    });
    ended.or(failure)
}

/// Returns the name of a call, without its arguments.
fn shortened(call: &str) -> &str {
    let end = call.find(['(', '{', '[']).unwrap_or(call.len());
    call[..end].trim_start_matches('.')
}

/// Runs a child to its end, and returns the failure if there was one.
fn run(numbers: [u64; 5], mut on_line: impl FnMut(&str)) -> Option<Failure> {
    let mut child = spawn(numbers);
    let out = child.stdout.take().expect("a pipe");
    let mut hangs = false;
    for line in BufReader::new(out).lines() {
        let Ok(line) = line else { break };
        if line.starts_with(HANG) {
            hangs = true;
        } else {
            on_line(&line);
        }
    }
    let mut message = String::new();
    if let Some(mut error) = child.stderr.take() {
        let _ = error.read_to_string(&mut message);
    }
    let status = child.wait().expect("the child's status");
    if status.success() {
        return None;
    }
    let kind = if hangs {
        HANG.trim()
    } else if message.contains("memory allocation of") {
        "out of memory"
    } else {
        "abort"
    };
    Some(Failure {
        case: numbers[1],
        kind: kind.to_string(),
        message: format!("{status}: {}", message.trim()),
    })
}

fn failure_in(line: &str) -> Option<Failure> {
    let mut parts = line.strip_prefix(FAIL)?.splitn(3, '\t');
    Some(Failure {
        case: parts.next()?.parse().ok()?,
        kind: parts.next()?.to_string(),
        message: parts.next()?.to_string(),
    })
}
