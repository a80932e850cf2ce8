//! Whole files.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result, bounded};

/// Links that may lead to each other; Linux follows as many.
const MOST_LINKS: usize = 40;

/// Temporary files are named by these and 16 hexadecimal digits between them. The length does not
/// depend on the target's name, which may be as long as the file system allows.
const PREFIX: &str = ".feedforward-";
const SUFFIX: &str = ".tmp";

/// Age from which a temporary file that no process has locked is what a crash left behind.
const STALE: Duration = Duration::from_secs(60 * 60);

/// Writes a file so that readers find the old one or the new one at any moment, whatever happens,
/// and however many write it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = || {
        let target = Target::find(path)?;
        let mut temporary = Temporary::beside(&target)?;
        temporary.file.write_all(bytes)?;
        temporary.replace(&target)
    };
    written().map_err(|error| in_path(path, &error))
}

/// Checks that [`write`] could write this file now, without changing it.
pub(crate) fn check_writable(path: &Path) -> Result<()> {
    let try_it = || Temporary::beside(&Target::find(path)?).map(drop);
    try_it().map_err(|error| in_path(path, &error))
}

/// The file that a path leads to, through symbolic links.
struct Target {
    path: PathBuf,
    /// What there is now: a regular file, or nothing.
    existing: Option<Metadata>,
}

impl Target {
    fn find(path: &Path) -> io::Result<Self> {
        let mut path = path.to_path_buf();
        for _ in 0..MOST_LINKS {
            let existing = match fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() => {
                    let to = fs::read_link(&path)?;
                    // From the link's folder on, if it is not absolute.
                    path = folder(&path).join(to);
                    continue;
                }
                Ok(found) => Some(found),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            if let Some(found) = &existing {
                check_regular(found)?;
            }
            let is_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
            if is_folder || path.file_name().is_none() {
                let problem = "expected the name of a file";
                return Err(io::Error::new(ErrorKind::InvalidInput, problem));
            }
            return Ok(Self { path, existing });
        }
        let problem = format!("expected at most {MOST_LINKS} symbolic links, got more");
        Err(io::Error::new(ErrorKind::InvalidInput, problem))
    }
}

/// The folder of a file, which renaming must not leave: it would not be atomic between file
/// systems.
fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|folder| *folder != Path::new(""));
    parent.unwrap_or(Path::new("."))
}

/// A file that is removed unless it becomes the target.
struct Temporary {
    path: PathBuf,
    /// Locked as long as it is open, so that nobody takes it for one left behind.
    file: File,
}

impl Temporary {
    /// A new file in the target's folder. What is there already is neither used nor followed.
    fn beside(target: &Target) -> io::Result<Self> {
        let folder = folder(&target.path);
        remove_stale(folder);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if target.existing.is_some() {
            use std::os::unix::fs::OpenOptionsExt;
            // Nobody may read in it what they may not read in the target.
            options.mode(0o600);
        }
        loop {
            let path = folder.join(unique_name());
            match options.open(&path) {
                Ok(file) => {
                    // Where there are no locks, the age alone has to tell.
                    let _ = file.try_lock();
                    return Ok(Self { path, file });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Puts it in the target's place, with the target's permissions.
    fn replace(self, target: &Target) -> io::Result<()> {
        #[cfg(unix)]
        if let Some(existing) = &target.existing {
            keep_owner(&self.file, existing);
            self.file.set_permissions(existing.permissions())?;
        }
        self.file.sync_all()?;
        fs::rename(&self.path, &target.path)?;
        sync_folder(folder(&target.path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing of this name, nor will there be again.
        let _ = fs::remove_file(&self.path);
    }
}

/// A name that no other writer has: neither another thread or process, nor one on another machine
/// that shares the folder.
fn unique_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // Its keys come from the system's source of randomness.
    let random = RandomState::new().hash_one((std::process::id(), count));
    format!("{PREFIX}{random:016x}{SUFFIX}")
}

/// Gives a file the owner of another, as far as the process may.
#[cfg(unix)]
fn keep_owner(file: &File, existing: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let is_same = |own: &Metadata| (own.uid(), own.gid()) == (existing.uid(), existing.gid());
    if !file.metadata().is_ok_and(|own| is_same(&own)) {
        let _ = fchown(file, Some(existing.uid()), Some(existing.gid()));
    }
}

/// The new name, too, must outlive a crash of the system.
fn sync_folder(folder: &Path) -> io::Result<()> {
    use ErrorKind::{InvalidInput, Unsupported};
    // Who may write in a folder may still not read it, and some file systems cannot flush one.
    let opened = match File::open(folder) {
        Ok(opened) if cfg!(unix) => opened,
        _ => return Ok(()),
    };
    match opened.sync_all() {
        Err(error) if matches!(error.kind(), InvalidInput | Unsupported) => Ok(()),
        result => result,
    }
}

/// Removes temporary files that crashed processes left in a folder: those with such a name and
/// age that nobody has locked. Looks once at each folder, as long as it stays the same one.
fn remove_stale(folder: &Path) {
    static LAST: Mutex<Option<PathBuf>> = Mutex::new(None);
    match &mut *LAST.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(last) if last == folder => return,
        last => *last = Some(folder.to_path_buf()),
    }
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        // Metadata of an entry does not follow links.
        if is_temporary(&name.to_string_lossy())
            && entry.metadata().is_ok_and(|found| is_old(&found))
            && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_temporary(name: &str) -> bool {
    let middle = name
        .strip_prefix(PREFIX)
        .and_then(|name| name.strip_suffix(SUFFIX));
    middle.is_some_and(|digits| {
        digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

fn is_old(found: &Metadata) -> bool {
    let modified = found.modified().ok();
    let age = modified.and_then(|time| SystemTime::now().duration_since(time).ok());
    found.is_file() && age.is_some_and(|age| age > STALE)
}

/// A regular file to read.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    path: &'a Path,
    file: File,
    /// Its length when it was opened.
    pub(crate) len: u64,
}

impl<'a> Input<'a> {
    /// Opens a file. What is no regular file is not opened: a pipe would wait for a writer.
    pub(crate) fn open(path: &'a Path) -> Result<Self> {
        let open = || {
            check_regular(&fs::metadata(path)?)?;
            let file = File::open(path)?;
            let found = file.metadata()?;
            check_regular(&found)?;
            Ok((file, found.len()))
        };
        let (file, len) = open().map_err(|error| in_path(path, &error))?;
        Ok(Self { path, file, len })
    }

    /// Appends the next bytes, or as many as there are.
    pub(crate) fn read(&mut self, bytes: &mut Vec<u8>, count: usize) -> Result<()> {
        let mut read = || {
            bytes.try_reserve_exact(count)?;
            // Room that is full is not asked for more.
            let mut rest = &self.file;
            let mut part = (&mut rest).take(count as u64);
            part.read_to_end(bytes)
        };
        let read = read().map_err(|error| in_path(self.path, &error));
        read.map(drop)
    }
}

/// Only regular files have a beginning and an end, and may be replaced.
fn check_regular(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let kind = if found.is_dir() {
        ErrorKind::IsADirectory
    } else {
        ErrorKind::InvalidInput
    };
    let problem = format!("expected a regular file, got {}", type_of(found));
    Err(io::Error::new(kind, problem))
}

fn type_of(found: &Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = found.file_type();
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_block_device() || kind.is_char_device() {
            return "a device";
        }
    }
    if found.is_dir() {
        "a directory"
    } else {
        "something else"
    }
}

fn in_path(path: &Path, error: &io::Error) -> Error {
    Error::Io {
        path: bounded(path.display().to_string()),
        kind: error.kind(),
        problem: error.to_string(),
    }
}
