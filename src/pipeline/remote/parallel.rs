//! Several transfers at once, on threads; what they report comes to the caller's own thread.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;

enum Message<R> {
    Bytes(u64),
    Done(usize, R),
}

/// Does `work` for each of `items`, `at_once` at the same time, and gives the results in the items' order. Work is given something to call
/// with the bytes that it moved. After a result that `ends` says so of, no more work begins: what was not done is `None`.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    at_once: usize,
    work: impl Fn(&T, &(dyn Fn(u64) + Sync)) -> R + Sync,
    ends: impl Fn(&R) -> bool + Sync,
    moved: &mut dyn FnMut(u64),
) -> Vec<Option<R>> {
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let next = AtomicUsize::new(0);
    let ended = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..at_once.min(items.len()) {
            let sender = sender.clone();
            let (next, ended, work, ends) = (&next, &ended, &work, &ends);
            scope.spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let bytes = sender.clone();
                    let result = work(item, &move |moved| {
                        let _ = bytes.send(Message::Bytes(moved));
                    });
                    if ends(&result) {
                        ended.store(true, Ordering::Relaxed);
                    }
                    let _ = sender.send(Message::Done(index, result));
                }
            });
        }
        drop(sender);
        for message in receiver {
            match message {
                Message::Bytes(bytes) => moved(bytes),
                Message::Done(index, result) => {
                    if let Some(place) = results.get_mut(index) {
                        *place = Some(result);
                    }
                }
            }
        }
    });
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_and_counts_the_bytes() {
        let items: Vec<u64> = (0..100).collect();
        let mut total = 0;
        let work = |item: &u64, bytes: &(dyn Fn(u64) + Sync)| {
            bytes(*item);
            item * 2
        };
        let results = each(&items, 8, work, |_| false, &mut |bytes| total += bytes);
        assert_eq!(total, 4950);
        assert_eq!(results, items.iter().map(|item| Some(item * 2)).collect::<Vec<_>>());
    }

    #[test]
    fn begins_nothing_more_after_the_end() {
        let items = [0; 50];
        let results = each(&items, 1, |_, _| (), |()| true, &mut |_| ());
        assert_eq!(results.iter().filter(|result| result.is_some()).count(), 1);
    }
}
