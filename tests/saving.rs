//! Effects of saving on a folder: every file is complete at any moment, even with several writers,
//! and no other file is touched.
//!
//! `FEEDFORWARD_SAVES=1000 cargo test --test saving` sets the number of saves per writer.

use std::env;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, SystemTime};

use feedforward::activation::{Identity, Tanh};
use feedforward::loss::SquaredError;
use feedforward::optimizer::Sgd;
use feedforward::{Error, Mlp, Trainer, TrainerState};

/// Environment variable with the path that a child process writes to.
const TARGET: &str = "FEEDFORWARD_SAVING_TARGET";

/// Returns networks of different sizes, so that a mixture of two files is detected.
fn net(seed: u64) -> Mlp<f32> {
    let builder = Mlp::builder(3).hidden(5 + 40 * (seed as usize % 3), Tanh);
    builder.output(2, Identity).seed(seed).build().unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("saving")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Returns the names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn saves() -> u64 {
    let wanted = env::var("FEEDFORWARD_SAVES").ok();
    wanted.map_or(100, |saves| saves.parse().expect("a number of saves"))
}

fn save_again_and_again(path: &Path) {
    for seed in 0..saves() {
        net(seed).save(path).unwrap();
    }
}

/// Reads while `writing` returns `true`, and at least once.
fn read_again_and_again(path: &Path, mut writing: impl FnMut() -> bool) {
    let known: Vec<_> = (0..saves()).map(net).collect();
    let mut reads = 0;
    while writing() || reads == 0 {
        let read = Mlp::<f32>::load(path).unwrap();
        assert!(known.iter().any(|net| net.params() == read.params()));
        reads += 1;
    }
}

#[test]
fn threads_that_save_one_file_disturb_neither_each_other_nor_readers() {
    for writers in [2, 8] {
        let folder = folder(&format!("threads-{writers}"));
        let path = folder.join("net.safetensors");
        net(0).save(&path).unwrap();
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..writers)
                .map(|_| scope.spawn(|| save_again_and_again(&path)))
                .collect();
            let reader = scope.spawn(|| {
                read_again_and_again(&path, || !ended.load(Ordering::Relaxed));
            });
            let joined = writers.into_iter().map(ScopedJoinHandle::join);
            let results: Vec<_> = joined.collect();
            ended.store(true, Ordering::Relaxed);
            reader.join().unwrap();
            assert!(results.iter().all(Result::is_ok));
        });
        assert_eq!(names(&folder), ["net.safetensors"]);
    }
}

/// A process that saves. In a normal test run, it does nothing.
#[test]
fn child() {
    if let Some(path) = env::var_os(TARGET) {
        save_again_and_again(Path::new(&path));
    }
}

#[test]
fn processes_that_save_one_file_disturb_neither_each_other_nor_readers() {
    for writers in [2, 8] {
        let folder = folder(&format!("processes-{writers}"));
        let path = folder.join("net.safetensors");
        net(0).save(&path).unwrap();
        let start = |_| {
            Command::new(env::current_exe().unwrap())
                .args(["--exact", "child"])
                .env(TARGET, &path)
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        };
        let mut children: Vec<Child> = (0..writers).map(start).collect();
        read_again_and_again(&path, || {
            let mut running = children.iter_mut().map(|child| child.try_wait().unwrap());
            running.any(|ended| ended.is_none())
        });
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        assert_eq!(names(&folder), ["net.safetensors"]);
    }
}

#[test]
fn no_other_file_is_touched() {
    let folder = folder("others");
    let others = [
        "net.safetensors.tmp",
        "net.tmp",
        ".feedforward-notes.tmp",
        ".feedforward-zzzzzzzzzzzzzzzz.tmp",
    ];
    for name in others {
        fs::write(folder.join(name), name).unwrap();
    }
    let path = folder.join("net.safetensors");
    net(1).save(&path).unwrap();
    net(2).save(&path).unwrap();
    for name in others {
        assert_eq!(fs::read_to_string(folder.join(name)).unwrap(), name);
    }
    assert_eq!(names(&folder).len(), others.len() + 1);
}

#[test]
fn what_a_crash_left_behind_is_removed_and_what_is_in_use_is_not() {
    let left = ".feedforward-0123456789abcdef.tmp";
    let locked = ".feedforward-0123456789abcde0.tmp";
    let recent = ".feedforward-0123456789abcde1.tmp";
    let folder = folder("stale");
    let old = SystemTime::now() - Duration::from_secs(7200);
    let make = |name: &str| File::create(folder.join(name)).unwrap();
    make(left).set_modified(old).unwrap();
    let in_use = make(locked);
    in_use.set_modified(old).unwrap();
    in_use.lock().unwrap();
    make(recent);
    net(0).save(folder.join("net.safetensors")).unwrap();
    assert_eq!(names(&folder), [locked, recent, "net.safetensors"]);
}

#[test]
fn names_may_be_as_long_as_the_system_allows() {
    let folder = folder("names");
    for length in 250..=255 {
        let path = folder.join("n".repeat(length));
        net(length as u64).save(&path).unwrap();
        net(1).save(&path).unwrap();
        assert_eq!(Mlp::<f32>::load(&path).unwrap().params(), net(1).params());
    }
    assert_eq!(names(&folder).len(), 6);
    let error = net(0).save(folder.join("n".repeat(256))).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    for path in [PathBuf::new(), folder.join(".."), folder.join("new/")] {
        let error = net(0).save(&path).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
    }
    assert_eq!(names(&folder).len(), 6);
}

/// Checks that saving and loading both report the kind of the file.
fn assert_refused(path: &Path, what: &str) {
    let trainer = Trainer::<f32>::new(SquaredError, Sgd::new(0.1));
    let (mut net, state) = (net(0), trainer.init_state(&net(0)).unwrap());
    for error in [
        net.save(path).unwrap_err(),
        Mlp::<f32>::load(path).unwrap_err(),
        state.save(&trainer, &net, path).unwrap_err(),
        TrainerState::load(path, &trainer, &mut net).unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::Io { problem, .. } if problem.contains(what)),
            "{error}"
        );
    }
}

#[test]
fn directories_are_refused() {
    let folder = folder("directories");
    let path = folder.join("net");
    fs::create_dir(&path).unwrap();
    assert_refused(&path, "expected a regular file, got a directory");
    let error = net(0).save(&path).unwrap_err();
    assert!(
        matches!(&error, Error::Io { kind, .. } if *kind == ErrorKind::IsADirectory),
        "{error}"
    );
    assert_eq!(names(&folder), ["net"]);
    assert!(names(&path).is_empty());
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn make(folder: &Path, program: &str, arguments: &[&str]) -> bool {
        let made = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stderr(Stdio::null())
            .status();
        made.is_ok_and(|status| status.success())
    }

    #[test]
    fn pipes_sockets_and_devices_are_refused_and_stay() {
        let folder = folder("special");
        let _listener = UnixListener::bind(folder.join("socket")).unwrap();
        assert!(make(&folder, "mkfifo", &["pipe"]));
        assert_refused(&folder.join("socket"), "got a socket");
        assert_refused(&folder.join("pipe"), "got a named pipe");
        let mut all = vec!["pipe", "socket"];
        // Only root can create a device; this one is a copy of /dev/zero.
        if make(&folder, "mknod", &["device", "c", "1", "5"]) {
            assert_refused(&folder.join("device"), "got a device");
            all.insert(0, "device");
        }
        for name in &all {
            // Links to such files are refused too.
            let link = folder.join(format!("{name}-link"));
            symlink(name, &link).unwrap();
            assert_refused(&link, "expected a regular file");
            fs::remove_file(link).unwrap();
            let kind = fs::symlink_metadata(folder.join(name)).unwrap();
            assert!(!kind.is_file(), "{name} was replaced");
        }
        assert_eq!(names(&folder), all);
    }

    #[test]
    fn links_stay_and_what_they_lead_to_is_written() {
        let folder = folder("links");
        fs::create_dir(folder.join("inner")).unwrap();
        net(0).save(folder.join("inner/net")).unwrap();
        symlink("inner/net", folder.join("link")).unwrap();
        symlink(folder.join("link"), folder.join("link-to-link")).unwrap();
        net(1).save(folder.join("link-to-link")).unwrap();
        // A link may lead to a file that does not exist yet.
        symlink("inner/new", folder.join("dangling")).unwrap();
        net(2).save(folder.join("dangling")).unwrap();
        for link in ["link", "link-to-link", "dangling"] {
            let found = fs::symlink_metadata(folder.join(link)).unwrap();
            assert!(found.is_symlink(), "{link} was replaced");
        }
        for (path, seed) in [("inner/net", 1), ("link", 1), ("inner/new", 2)] {
            let read = Mlp::<f32>::load(folder.join(path)).unwrap();
            assert_eq!(read.params(), net(seed).params(), "{path}");
        }
        assert_eq!(names(&folder.join("inner")), ["net", "new"]);

        symlink("circle", folder.join("circle")).unwrap();
        let error = net(0).save(folder.join("circle")).unwrap_err();
        assert!(error.to_string().contains("links"), "{error}");
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let folder = folder("planted");
        let path = folder.join("net");
        fs::write(folder.join("precious"), "precious").unwrap();
        let planted = ["net.tmp", ".net.tmp", ".feedforward-0123456789abcdef.tmp"];
        for name in planted {
            symlink("precious", folder.join(name)).unwrap();
        }
        net(0).save(&path).unwrap();
        net(1).save(&path).unwrap();
        let precious = fs::read_to_string(folder.join("precious")).unwrap();
        assert_eq!(precious, "precious");
        for name in planted {
            assert!(
                fs::symlink_metadata(folder.join(name))
                    .unwrap()
                    .is_symlink()
            );
        }
    }

    #[test]
    fn permissions_stay() {
        let folder = folder("permissions");
        let path = folder.join("net");
        net(0).save(&path).unwrap();
        // A new file has default permissions.
        File::create(folder.join("other")).unwrap();
        let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().mode() & 0o7777;
        assert_eq!(mode("net"), mode("other"));
        for wanted in [0o600, 0o640, 0o664, 0o755, 0o400] {
            fs::set_permissions(&path, fs::Permissions::from_mode(wanted)).unwrap();
            net(1).save(&path).unwrap();
            assert_eq!(mode("net"), wanted);
        }
        let before = fs::metadata(&path).unwrap();
        // Only root can change the owner of a file.
        if std::os::unix::fs::chown(&path, Some(12345), Some(12346)).is_ok() {
            net(2).save(&path).unwrap();
            let after = fs::metadata(&path).unwrap();
            assert_eq!((after.uid(), after.gid()), (12345, 12346));
            assert_eq!(after.mode(), before.mode());
        }
    }
}
