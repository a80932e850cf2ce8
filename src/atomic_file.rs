//! Files that are replaced atomically.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};

/// Maximum number of symbolic links to follow; Linux has the same limit.
const MOST_LINKS: usize = 40;

/// The name of a temporary file is this prefix, 16 hexadecimal digits and the suffix. Its length
/// does not depend on the target's name, which may have the maximum length of the file system.
const PREFIX: &str = ".feedforward-";
const SUFFIX: &str = ".tmp";

/// Age from which an unlocked temporary file counts as left behind by a crash.
const STALE: Duration = Duration::from_secs(60 * 60);

/// Writes a file so that readers find either the old contents or the new ones at any moment.
///
/// This also holds after a crash, and with several concurrent writers.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = || {
        let target = Target::find(path)?;
        let mut temporary = Temporary::beside(&target)?;
        temporary.file.write_all(bytes)?;
        temporary.replace(&target)
    };
    written().map_err(|error| Error::io(path, &error))
}

/// Checks that [`write`] could write this file now, without changing the file.
pub(crate) fn check_writable(path: &Path) -> Result<()> {
    let try_it = || Temporary::beside(&Target::find(path)?).map(drop);
    try_it().map_err(|error| Error::io(path, &error))
}

/// The file that a path leads to, with symbolic links resolved.
struct Target {
    path: PathBuf,
    /// Metadata of the regular file that exists now, if any.
    existing: Option<Metadata>,
}

impl Target {
    fn find(path: &Path) -> io::Result<Self> {
        let mut path = path.to_path_buf();
        for _ in 0..MOST_LINKS {
            let existing = match fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() => {
                    let to = fs::read_link(&path)?;
                    // A relative link starts at the link's folder.
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

/// Returns the folder of a file. The temporary file must lie in it, because a rename between file
/// systems is not atomic.
fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|folder| *folder != Path::new(""));
    parent.unwrap_or(Path::new("."))
}

/// A file that is removed unless it becomes the target.
struct Temporary {
    path: PathBuf,
    /// Locked while it is open, so that no other process takes it for a file left behind.
    file: File,
}

impl Temporary {
    /// Creates a new file in the target's folder. Existing files and links are never opened.
    fn beside(target: &Target) -> io::Result<Self> {
        let folder = folder(&target.path);
        remove_stale(folder);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if target.existing.is_some() {
            use std::os::unix::fs::OpenOptionsExt;
            // Only users who may read the target may read the temporary file.
            options.mode(0o600);
        }
        loop {
            let path = folder.join(unique_name());
            match options.open(&path) {
                Ok(file) => {
                    // Without file locks, only the age tells whether the file is in use.
                    let _ = file.try_lock();
                    return Ok(Self { path, file });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves the file to the target's path, with the target's permissions.
    fn replace(self, target: &Target) -> io::Result<()> {
        if let Some(existing) = &target.existing {
            #[cfg(unix)]
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
        // After a rename, no file has this name, nor will any get it again.
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns a name that no other thread, process or machine with access to the folder uses.
fn unique_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // `RandomState` takes its keys from the system's source of randomness.
    let random = RandomState::new().hash_one((std::process::id(), count));
    format!("{PREFIX}{random:016x}{SUFFIX}")
}

/// Gives the file the owner of the existing one, if the process has permission.
#[cfg(unix)]
fn keep_owner(file: &File, existing: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let is_same = |own: &Metadata| (own.uid(), own.gid()) == (existing.uid(), existing.gid());
    if !file.metadata().is_ok_and(|own| is_same(&own)) {
        let _ = fchown(file, Some(existing.uid()), Some(existing.gid()));
    }
}

/// Flushes the folder, so that the new name also survives a crash of the system.
fn sync_folder(folder: &Path) -> io::Result<()> {
    use ErrorKind::{InvalidInput, Unsupported};
    // A process may have write but not read permission, and some file systems cannot flush a
    // folder.
    let opened = match File::open(folder) {
        Ok(opened) if cfg!(unix) => opened,
        _ => return Ok(()),
    };
    match opened.sync_all() {
        Err(error) if matches!(error.kind(), InvalidInput | Unsupported) => Ok(()),
        result => result,
    }
}

/// Removes temporary files that crashed processes left in a folder.
///
/// These are unlocked old files with a name of this kind. A folder is not searched twice in a row.
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
    /// Length of the file when it was opened.
    pub(crate) len: u64,
}

impl<'a> Input<'a> {
    /// Opens a regular file. Other files are refused: opening a pipe would wait for a writer.
    pub(crate) fn open(path: &'a Path) -> Result<Self> {
        let open = || {
            check_regular(&fs::metadata(path)?)?;
            let file = File::open(path)?;
            let found = file.metadata()?;
            check_regular(&found)?;
            Ok((file, found.len()))
        };
        let (file, len) = open().map_err(|error| Error::io(path, &error))?;
        Ok(Self { path, file, len })
    }

    /// Appends the next `count` bytes, or fewer if the file ends.
    pub(crate) fn read(&mut self, bytes: &mut Vec<u8>, count: usize) -> Result<()> {
        let mut read = || {
            bytes.try_reserve_exact(count)?;
            // `read_to_end` stops at `count` bytes, so it does not grow the full vector.
            let mut rest = &self.file;
            let mut part = (&mut rest).take(count as u64);
            part.read_to_end(bytes)
        };
        let read = read().map_err(|error| Error::io(self.path, &error));
        read.map(drop)
    }
}

/// Checks for a regular file, because others have no end and must not be replaced.
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
