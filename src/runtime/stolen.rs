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

/// Below this, asking for the processor's time before and after each call would show in what is timed: a system call leaves the core's
/// caches and predictors as it likes, 0.1 µs in the next call.
const SHORT_SECONDS: f64 = 20e-6;

/// Less than this between two clocks is their own; nothing worth a look at the scheduler's figures.
const GRAIN_SECONDS: f64 = 2e-6;

/// Times calls on the thread that it was made on.
///
/// Long calls are looked at one by one. Of short ones, only those are looked at that took clearly longer than the fastest: a turn of
/// another process takes hundreds of times as long as such a call.
pub(super) struct Stopwatch {
    thread: Option<system::Thread>,
    /// The shortest call so far, in seconds.
    fastest: f64,
}

impl Stopwatch {
    /// A stopwatch that tells what others took where `alone` (the work runs on this thread only) and the system says it.
    pub(super) fn new(alone: bool) -> Self {
        Self {
            thread: alone.then(system::Thread::current).flatten(),
            fastest: f64::INFINITY,
        }
    }

    /// To be called before a run of calls to [`Self::time`]: what was waited until now was not waited in them.
    pub(super) fn renew(&mut self) {
        if let Some(thread) = &mut self.thread {
            thread.renew();
        }
    }

    /// Runs `work` and times it.
    pub(super) fn time<T>(&mut self, work: impl FnOnce() -> T) -> (T, Timed) {
        let is_short = self.fastest < SHORT_SECONDS;
        if let Some(thread) = self.thread.as_mut().filter(|_| !is_short) {
            thread.mark();
        }
        let started = Instant::now();
        let value = work();
        let wall = started.elapsed().as_secs_f64();
        let most = if is_short { wall - self.fastest } else { wall };
        let stolen = match &mut self.thread {
            Some(thread) if most >= GRAIN_SECONDS => thread.stolen().clamp(0.0, most),
            _ => 0.0,
        };
        self.fastest = self.fastest.min(wall);
        (value, Timed { wall, stolen })
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;
    use std::time::Instant;

    use rustix::time::ClockId;
    use rustix::time::clock_gettime;

    use super::GRAIN_SECONDS;

    /// A thread's figures at the scheduler.
    pub(super) struct Thread {
        file: File,
        /// Seconds that it has waited so far, as read last.
        waited: f64,
        /// When both clocks were read last, and what the thread's own one said.
        mark: (f64, Instant),
    }

    impl Thread {
        /// The calling thread; `None` where the kernel keeps no such figures.
        pub(super) fn current() -> Option<Self> {
            let file = File::open("/proc/thread-self/schedstat").ok()?;
            let mut thread = Self {
                file,
                waited: 0.0,
                mark: (processor_seconds(), Instant::now()),
            };
            let (ran, waited) = thread.read()?;
            thread.waited = waited;
            (ran > 0.0).then_some(thread)
        }

        /// Reads both clocks.
        pub(super) fn mark(&mut self) {
            self.mark = (processor_seconds(), Instant::now());
        }

        /// Seconds since the mark in which the thread waited for the core; the mark is now.
        ///
        /// Never more than wall time beyond processor time: the thread may lose the core just before the wall clock is read.
        pub(super) fn stolen(&mut self) -> f64 {
            let (before, since) = self.mark;
            let wall = since.elapsed().as_secs_f64();
            self.mark();
            let gap = wall - (self.mark.0 - before);
            if gap < GRAIN_SECONDS {
                return 0.0;
            }
            let before = self.waited;
            match self.read() {
                Some((_, waited)) => {
                    self.waited = waited;
                    (waited - before).min(gap)
                }
                None => 0.0,
            }
        }

        /// Forgets what was waited between two pieces of work.
        pub(super) fn renew(&mut self) {
            if let Some((_, waited)) = self.read() {
                self.waited = waited;
            }
            self.mark();
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
    fn processor_seconds() -> f64 {
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

        pub(super) fn mark(&mut self) {
            match *self {}
        }

        pub(super) fn stolen(&mut self) -> f64 {
            match *self {}
        }

        pub(super) fn renew(&mut self) {
            match *self {}
        }
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

    /// About a microsecond of work, whatever the clock does.
    fn spin(turns: u32) -> f64 {
        (0..turns).fold(1.0_f64, |value, _| std::hint::black_box(value * 1.000_1))
    }

    #[test]
    fn sleeping_among_short_calls_is_the_works_own_time() {
        let mut watch = Stopwatch::new(true);
        watch.renew();
        for _ in 0..1000 {
            watch.time(|| spin(100));
        }
        let ((), timed) = watch.time(|| std::thread::sleep(Duration::from_millis(20)));
        assert!(timed.wall >= 0.02);
        assert!(timed.stolen < timed.wall, "{timed:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn turns_of_others_are_taken_off_short_and_long_calls() {
        use std::sync::Arc;
        use std::sync::atomic::AtomicBool;
        use std::sync::atomic::Ordering;

        use crate::machine::affinity;

        let cores = affinity::choose_cores(1).unwrap();
        let is_done = Arc::new(AtomicBool::new(false));
        let other = std::thread::spawn({
            let (cores, is_done) = (cores.clone(), Arc::clone(&is_done));
            move || {
                affinity::pin(&cores).unwrap();
                while !is_done.load(Ordering::Relaxed) {
                    spin(1000);
                }
            }
        });
        let timed = std::thread::spawn(move || {
            affinity::pin(&cores).unwrap();
            // A fiftieth of a turn of the scheduler, and several of them.
            [100, 10_000_000].map(|turns| {
                let mut watch = Stopwatch::new(true);
                watch.renew();
                let mut lost = Vec::new();
                let started = Instant::now();
                while lost.len() < 5 && started.elapsed() < Duration::from_secs(60) {
                    let (_, timed) = watch.time(|| spin(turns));
                    lost.extend((timed.stolen > 1e-3).then_some(timed));
                }
                (watch.fastest, lost)
            })
        });
        let found = timed.join();
        is_done.store(true, Ordering::Relaxed);
        other.join().unwrap();
        let [(short, of_short), (long, of_long)] = found.unwrap();
        assert!(short < SHORT_SECONDS && long >= SHORT_SECONDS, "{short} {long}");
        for (fastest, lost) in [(short, of_short), (long, of_long)] {
            assert_eq!(lost.len(), 5, "nothing was lost beside a busy thread on the same core");
            for timed in lost {
                assert!(timed.stolen <= timed.wall && timed.own() >= 0.0, "{timed:?} {fastest}");
            }
        }
    }

    #[test]
    fn nothing_is_told_of_a_pool() {
        let mut watch = Stopwatch::new(false);
        watch.renew();
        let (value, timed) = watch.time(|| 7);
        assert_eq!((value, timed.stolen), (7, 0.0));
    }
}
