//! How long one inference took, and how much of that other processes had the core.
//!
//! On a busy machine the wall clock counts the others' turns too: an inference of 4 ms beside an endless loop takes 4 or 8 ms, by
//! luck. Linux tells how long a thread was ready to run and had to wait (`run_delay`, the second figure of
//! `/proc/thread-self/schedstat`, Documentation/scheduler/sched-stats.rst of the kernel). Waiting that the model does itself, for
//! a lock or a file, is not in it and stays in the latency. What a hypervisor takes is in neither and stays too.
//!
//! Only for one thread: with a pool, the main thread's turn says little about the others'.

use std::time::Instant;

/// What one inference took, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timed {
    /// On the wall clock.
    pub wall: f64,
    /// The part of it in which the thread was ready and another one had the core.
    pub stolen: f64,
}

impl Timed {
    /// What the work itself took.
    pub fn own(self) -> f64 {
        self.wall - self.stolen
    }
}

/// Times calls on the thread that it was made on.
pub(super) struct Stopwatch(Option<system::Thread>);

impl Stopwatch {
    /// A stopwatch that tells what others took where `alone` (the work runs on this thread only) and the system says it.
    pub(super) fn new(alone: bool) -> Self {
        Self(alone.then(system::Thread::current).flatten())
    }

    /// To be called before a run of calls to [`Self::time`]: what was waited until now was not waited in them.
    pub(super) fn renew(&mut self) {
        if let Some(thread) = &mut self.0 {
            thread.renew();
        }
    }

    /// Runs `work` and times it.
    pub(super) fn time<T>(&mut self, work: impl FnOnce() -> T) -> (T, Timed) {
        let before = self.0.as_ref().map(|_| system::processor_seconds());
        let started = Instant::now();
        let value = work();
        let wall = started.elapsed().as_secs_f64();
        let stolen = match (&mut self.0, before) {
            (Some(thread), Some(before)) => thread.stolen(before, wall).clamp(0.0, wall),
            _ => 0.0,
        };
        (value, Timed { wall, stolen })
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;

    use rustix::time::ClockId;
    use rustix::time::clock_gettime;

    /// Less than this between wall and processor time is the clocks' own; nothing worth a look at the scheduler's figures.
    const GRAIN_SECONDS: f64 = 2e-6;

    /// A thread's figures at the scheduler.
    pub(super) struct Thread {
        file: File,
        /// Seconds that it has waited so far, as read last.
        waited: f64,
    }

    impl Thread {
        /// The calling thread; `None` where the kernel keeps no such figures.
        pub(super) fn current() -> Option<Self> {
            let file = File::open("/proc/thread-self/schedstat").ok()?;
            let mut thread = Self { file, waited: 0.0 };
            let (ran, waited) = thread.read()?;
            thread.waited = waited;
            (ran > 0.0).then_some(thread)
        }

        /// The part of the last `wall` seconds that was waited for the core, when the thread's clock stood at `before` ahead of them.
        ///
        /// Never more than wall time beyond processor time: the thread may lose the core just before the wall clock is read.
        pub(super) fn stolen(&mut self, before: f64, wall: f64) -> f64 {
            let gap = wall - (processor_seconds() - before);
            if gap < GRAIN_SECONDS {
                return 0.0;
            }
            let since = self.waited;
            match self.read() {
                Some((_, waited)) => {
                    self.waited = waited;
                    (waited - since).min(gap)
                }
                None => 0.0,
            }
        }

        /// Forgets what was waited between two pieces of work.
        pub(super) fn renew(&mut self) {
            if let Some((_, waited)) = self.read() {
                self.waited = waited;
            }
        }

        /// Seconds run and seconds waited.
        fn read(&self) -> Option<(f64, f64)> {
            let mut buffer = [0_u8; 80];
            let length = self.file.read_at(&mut buffer, 0).ok()?;
            let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
            let mut figures = text.split_ascii_whitespace().map(str::parse::<u64>);
            let ran = figures.next()?.ok()?;
            let waited = figures.next()?.ok()?;
            Some((ran as f64 / 1e9, waited as f64 / 1e9))
        }
    }

    /// Processor time of the calling thread.
    pub(super) fn processor_seconds() -> f64 {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    /// Other systems don't tell a thread how long it waited.
    pub(super) enum Thread {}

    impl Thread {
        pub(super) fn current() -> Option<Self> {
            None
        }

        pub(super) fn stolen(&mut self, _before: f64, _wall: f64) -> f64 {
            match *self {}
        }

        pub(super) fn renew(&mut self) {
            match *self {}
        }
    }

    pub(super) fn processor_seconds() -> f64 {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sleeping_is_the_works_own_time() {
        let mut watch = Stopwatch::new(true);
        watch.renew();
        let ((), timed) = watch.time(|| std::thread::sleep(Duration::from_millis(20)));
        assert!(timed.wall >= 0.02);
        assert!(timed.stolen < timed.wall, "{timed:?}");
    }

    #[test]
    fn nothing_is_told_of_a_pool() {
        let mut watch = Stopwatch::new(false);
        watch.renew();
        let (value, timed) = watch.time(|| 7);
        assert_eq!((value, timed.stolen), (7, 0.0));
    }
}
