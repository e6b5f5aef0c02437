//! Starts workers from a thread that lives as long as this process.
//!
//! On Linux a worker asks to be killed when its parent dies, and the kernel takes the thread that started it for the parent: it must not
//! be one that ends before its workers.

use std::io;
use std::process::Child;
use std::process::Command;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::thread;

struct Order {
    command: Command,
    done: mpsc::Sender<io::Result<Child>>,
}

/// Starts `command`; the process ends no later than this one.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    static ORDERS: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
    let orders = match ORDERS.get() {
        Some(orders) => orders,
        None => {
            let orders = begin()?;
            ORDERS.get_or_init(|| Mutex::new(orders))
        }
    };
    let (done, started) = mpsc::channel();
    orders
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send(Order { command, done })
        .map_err(|_| gone())?;
    started.recv().map_err(|_| gone())?
}

fn begin() -> io::Result<mpsc::Sender<Order>> {
    let (sender, orders) = mpsc::channel::<Order>();
    thread::Builder::new()
        .name("worker starter".to_owned())
        .spawn(move || {
            for mut order in orders {
                // Whoever ordered it has gone: nobody would end it.
                if let Err(mpsc::SendError(Ok(mut child))) = order.done.send(order.command.spawn()) {
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
        })?;
    Ok(sender)
}
