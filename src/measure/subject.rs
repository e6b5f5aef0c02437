//! What can be measured: something that starts afresh, runs blocks of inferences and tells its peak memory.

use crate::measure::samples::Block;

/// One side, as the measuring loop sees it. The real one is a worker process; tests replay scripted samples.
pub trait Subject {
    /// What goes wrong with it.
    type Error;

    /// Throws the running process away, if there is one, and starts a fresh one with the model loaded.
    fn start(&mut self) -> Result<Started, Self::Error>;

    /// Builds the session anew in the running process, with nothing measured of it.
    fn reload(&mut self) -> Result<(), Self::Error>;

    /// Runs `discard + keep` inferences in a row; what each of the last `keep` took.
    fn block(&mut self, discard: u32, keep: u32) -> Result<Block, Self::Error>;

    /// The most memory that the process held so far, in bytes; `None` where the system doesn't tell.
    fn peak_memory(&mut self) -> Result<Option<u64>, Self::Error>;

    /// Stops the process where it stands, so that its waiting threads leave the cores to the other side.
    fn pause(&mut self) -> Result<(), Self::Error>;

    /// Lets it go on.
    fn resume(&mut self) -> Result<(), Self::Error>;

    /// Ends the process.
    fn stop(&mut self);
}

/// What starting told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Started {
    /// Seconds from the model's bytes to a session ready to run.
    pub load_seconds: f64,
    /// Seconds of the very first inference.
    pub first_seconds: f64,
    /// Bytes of memory with the session built, before the first inference; `None` where the system doesn't tell.
    pub loaded_bytes: Option<u64>,
}
