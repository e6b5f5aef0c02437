//! Who may take blobs away: nobody, while another process keeps some that no row of the registry names yet.
//!
//! A lock file beside the folder of blobs is held shared by whoever keeps or uses blobs, from the first one to the end, and exclusively by
//! whoever takes them away. The system lifts a lock with the process that held it, however that ended.

use std::fs::File;
use std::fs::TryLockError;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// How long a collector waits for others.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// The shared lock of one process on a folder of blobs, taken at its first use.
#[derive(Debug, Clone, Default)]
pub(super) struct Hold(Arc<OnceLock<Option<File>>>);

/// The exclusive lock.
#[derive(Debug)]
pub(super) struct Exclusive {
    file: File,
    /// This process held it shared before, and does again afterwards.
    is_upgrade: bool,
}

fn place(root: &Path) -> PathBuf {
    let mut name = root.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    root.with_file_name(name)
}

/// The lock file; in a workspace that cannot be written the one that is there.
fn open(root: &Path) -> Option<File> {
    let path = place(root);
    let writable = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path);
    writable.or_else(|_| File::open(&path)).ok()
}

impl Hold {
    /// Holds from here to the end of the process, or until the last copy of the folder's handle is gone. Waits while blobs are taken away.
    ///
    /// Where the file system has no locks nothing is held; nobody gets the exclusive lock there either.
    pub(super) fn take(&self, root: &Path) {
        self.0.get_or_init(|| {
            let file = open(root)?;
            file.lock_shared().ok()?;
            Some(file)
        });
    }

    /// The exclusive lock; `None` where others hold it for longer than a second, or locks don't work.
    pub(super) fn exclude(&self, root: &Path) -> Option<Exclusive> {
        let own = self.0.get().and_then(Option::as_ref);
        let exclusive = Exclusive {
            is_upgrade: own.is_some(),
            file: match own {
                Some(file) => file.try_clone().ok()?,
                None => open(root)?,
            },
        };
        let start = Instant::now();
        loop {
            match exclusive.file.try_lock() {
                Ok(()) => return Some(exclusive),
                Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => thread::sleep(PAUSE),
                Err(_) => return None,
            }
        }
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        // Closing the file lifts the lock as well.
        let _ = if self.is_upgrade {
            self.file.lock_shared()
        } else {
            self.file.unlock()
        };
    }
}
