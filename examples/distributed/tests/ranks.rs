//! Starts `mpirun`. Results are bit-identical for any number of ranks, also after a rank has died.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::{env, fs, process, thread, time::Duration};

use distributed::Reduction;
use distributed::traffic::Setting;

const TRAIN: &str = env!("CARGO_BIN_EXE_train");

/// Folder with a table, deleted at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, rows: usize) -> Self {
        let path = env::temp_dir().join(format!("distributed-{name}-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        let folder = Self(path);
        let mut dataset = Command::new(env!("CARGO_BIN_EXE_dataset"));
        dataset
            .arg(folder.table())
            .args(["--rows", &rows.to_string()]);
        output(&mut dataset);
        folder
    }

    fn table(&self) -> PathBuf {
        self.0.join("table.safetensors")
    }

    fn single(&self, flags: &[&str]) -> String {
        let mut command = Command::new(TRAIN);
        output(command.arg(self.table()).arg("--single").args(flags))
    }

    fn ranks(&self, ranks: usize, flags: &[&str]) -> Command {
        let mut command = Command::new("mpirun");
        command
            .args(["--oversubscribe", "-n", &ranks.to_string(), TRAIN])
            .arg(self.table())
            .args(flags)
            // Tests may run as root.
            .envs([
                ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
                ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
            ]);
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Returns the standard output of a program that must succeed.
fn output(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    assert!(
        status.success(),
        "{command:?}: {status}\n{}{}",
        text(&stdout),
        text(&stderr)
    );
    text(&stdout)
}

/// Returns a printed value.
fn value<'a>(printed: &'a str, name: &str) -> &'a str {
    let words = printed.split(['\n', ' ']);
    let value = words
        .filter_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        .next_back();
    value.unwrap_or_else(|| panic!("no {name} in {printed}"))
}

/// Returns the numbers of a line such as `read=[1, 2]`.
fn numbers(printed: &str, name: &str) -> Vec<u64> {
    let start = format!("{name}=[");
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix(&start))
        .unwrap();
    let parts = line.trim_end_matches(']').split(", ");
    parts.map(|part| part.parse().unwrap()).collect()
}

/// Returns the lines of the epochs' losses and of the hash.
fn course(printed: &str) -> Vec<&str> {
    let lines = printed.lines();
    lines
        .filter(|line| line.starts_with("epoch=") || line.starts_with("hash="))
        .collect()
}

#[test]
fn any_number_of_ranks_has_the_bits_of_a_single_process() {
    let folder = Folder::new("bits", 10_000);
    // 16 chunks and a rest of 400 samples, 2 chunks for up to 4 ranks, and 1 chunk.
    for batch in ["1600", "250", "150"] {
        let flags = ["--epochs", "2", "--batch", batch];
        let single = folder.single(&flags);
        for ranks in 1..=4 {
            let shared = output(&mut folder.ranks(ranks, &flags));
            assert_eq!(
                course(&shared),
                course(&single),
                "{ranks} ranks, batches of {batch}"
            );
            let read: u64 = numbers(&shared, "read").iter().sum();
            let bytes: u64 = value(&shared, "bytes").parse().unwrap();
            assert_eq!(read, 2 * bytes, "every sample once in an epoch");
        }
    }
    let flags = ["--epochs", "2", "--threads", "2", "--block", "1"];
    let shared = output(&mut folder.ranks(2, &flags));
    assert_eq!(course(&shared), course(&folder.single(&flags)));
}

#[test]
fn ranks_send_what_the_formula_says() {
    let folder = Folder::new("traffic", 8_000);
    for ranks in [1, 2, 4] {
        let printed = output(&mut folder.ranks(ranks, &["--epochs", "1"]));
        let parameters: usize = value(&printed, "parameters").parse().unwrap();
        let updates: u64 = value(&printed, "updates").parse().unwrap();
        let setting = Setting {
            parameters,
            batch: 1600,
            operations: 1.0,
            bandwidth: 1.0,
            latency: 1.0,
        };
        let expected = setting.step(Reduction::Ordered, ranks).unwrap().bytes;
        for sent in numbers(&printed, "sent") {
            // Slices differ by at most one parameter.
            let difference = sent as f64 / updates as f64 - expected;
            assert!(
                difference.abs() <= 4.0 * 17.0,
                "{ranks} ranks: {difference}"
            );
        }
    }
}

#[test]
fn an_all_reduce_comes_near() {
    let folder = Folder::new("near", 8_000);
    let flags = ["--epochs", "1"];
    let single = folder.single(&flags);
    let shared = output(&mut folder.ranks(3, &["--epochs", "1", "--allreduce"]));
    let loss = |printed: &str| value(printed, "loss").parse::<f64>().unwrap();
    let (a, b) = (loss(&single), loss(&shared));
    // Dropout is equal. Other chunks round the sums differently.
    assert!((a - b).abs() < 1e-5 * a, "{a} and {b}");
}

/// Returns the processes that `mpirun` started.
fn children(of: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let parent = stat
            .rsplit_once(") ")?
            .1
            .split(' ')
            .nth(1)?
            .parse::<u32>()
            .ok()?;
        let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        (parent == of && program == Path::new(TRAIN)).then_some(pid)
    });
    processes.collect()
}

/// Waits for a file. Fails if the job ends before it exists.
fn wait_for(path: &Path, job: &mut Child) {
    while !path.exists() {
        let ended = job.try_wait().unwrap();
        assert!(
            ended.is_none(),
            "ended without {}: {ended:?}",
            path.display()
        );
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_training_run_resumes_with_any_number_of_ranks() {
    let folder = Folder::new("killed", 20_000);
    let checkpoint = folder.0.join("checkpoint.safetensors");
    let path = checkpoint.to_str().unwrap();
    // The signal arrives before the last of this many epochs.
    let most = ["--epochs", "60", "--hidden", "96"];
    let flags = [&most[..], &["--checkpoint", path, "--every", "5"]].concat();
    let undisturbed = folder.single(&most);

    let mut command = folder.ranks(3, &flags);
    let mut job = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&checkpoint, &mut job);
    let ranks = children(job.id());
    assert_eq!(ranks.len(), 3);
    let kill = Command::new("kill")
        .args(["-KILL", &ranks[1].to_string()])
        .status();
    assert!(kill.unwrap().success());
    let ended = job.wait_with_output().unwrap();
    assert!(!ended.status.success(), "a dead rank ends the job");
    assert!(
        !text(&ended.stdout).contains("hash="),
        "it ended before the signal"
    );

    // A single process, two ranks and four ranks resume from the same checkpoint.
    let kept = fs::read(&checkpoint).unwrap();
    let two = output(&mut folder.ranks(2, &flags));
    assert_eq!(value(&two, "hash"), value(&undisturbed, "hash"));
    // The samples before the checkpoint are not read again.
    let read: u64 = numbers(&two, "read").iter().sum();
    assert!(read < 60 * value(&two, "bytes").parse::<u64>().unwrap());
    for (case, ranks) in [("four", Some(4)), ("alone", None)] {
        fs::write(&checkpoint, &kept).unwrap();
        let printed = match ranks {
            Some(ranks) => output(&mut folder.ranks(ranks, &flags)),
            None => folder.single(&flags[..flags.len() - 2]),
        };
        assert_eq!(
            value(&printed, "hash"),
            value(&undisturbed, "hash"),
            "{case}"
        );
    }
}

#[test]
fn an_error_on_a_rank_ends_the_job() {
    let folder = Folder::new("error", 1_000);
    fs::write(folder.table(), [0; 100]).unwrap();
    let ended = folder.ranks(2, &[]).output().unwrap();
    assert!(!ended.status.success());
    let errors = text(&ended.stderr);
    assert!(errors.contains("table.safetensors: "), "{errors}");
    let other = Folder::new("settings", 1_000);
    let ended = other.ranks(2, &["--batch", "2000"]).output().unwrap();
    assert!(!ended.status.success());
    assert!(text(&ended.stderr).contains("batch size: expected 1 to 1000"));
}
