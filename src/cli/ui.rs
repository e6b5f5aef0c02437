//! The only file that prints. Results go to stdout; status, warnings, errors and progress bars to stderr.

use std::io;
use std::io::IsTerminal as _;
use std::io::Write;

use anstream::AutoStream;
use indicatif::MultiProgress;
use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::args::ColorWhen;

/// The terminal, or whatever stands in its place.
pub struct Ui {
    color: anstream::ColorChoice,
    quiet: bool,
    bars: MultiProgress,
}

impl Ui {
    /// Bars are drawn where stderr is a terminal and `quiet` is off.
    pub fn new(color: ColorWhen, quiet: bool) -> Self {
        let target = if quiet || !io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        Self {
            color: match color {
                ColorWhen::Auto => anstream::ColorChoice::Auto,
                ColorWhen::Always => anstream::ColorChoice::Always,
                ColorWhen::Never => anstream::ColorChoice::Never,
            },
            quiet,
            bars: MultiProgress::with_draw_target(target),
        }
    }

    /// True where results may be coloured.
    pub fn color(&self) -> bool {
        !matches!(self.stdout().current_choice(), anstream::ColorChoice::Never)
    }

    /// Where results go; strips colours where there should be none.
    pub fn stdout(&self) -> AutoStream<io::Stdout> {
        AutoStream::new(io::stdout(), self.color)
    }

    /// Columns of the terminal that results go to; 100 where there is none.
    pub fn width(&self) -> usize {
        terminal_width().unwrap_or(100)
    }

    /// Shows a result; a closed pipe is an error of kind `BrokenPipe`, which ends the command well.
    pub fn data(&self, text: &str) -> io::Result<()> {
        self.bars.suspend(|| {
            let mut out = self.stdout();
            out.write_all(text.as_bytes())?;
            if !text.ends_with('\n') {
                out.write_all(b"\n")?;
            }
            out.flush()
        })
    }

    /// Shows a result as indented JSON.
    pub fn json(&self, value: &impl Serialize) -> io::Result<()> {
        self.data(&serde_json::to_string_pretty(value)?)
    }

    /// Says what is going on; silent where quiet.
    pub fn status(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Says what a person should know although the command goes on.
    pub fn warning(&self, text: &str) {
        self.say(&format!("{} {text}", "warning:".yellow().bold()));
    }

    /// Says what went wrong.
    pub fn error(&self, text: &str) {
        self.say(&format!("{} {text}", "error:".red().bold()));
    }

    /// Says what to do about it.
    pub fn hint(&self, text: &str) {
        self.say(&format!("{} {text}", "hint:".cyan().bold()));
    }

    /// Writes text as it is to stderr.
    pub fn say(&self, text: &str) {
        self.bars.suspend(|| {
            let mut err = AutoStream::new(io::stderr(), self.color);
            // Where stderr is closed there is nobody to tell.
            let _ = err.write_all(text.trim_end_matches('\n').as_bytes());
            let _ = err.write_all(b"\n");
        });
    }

    /// A bar over `total` steps, gone when finished; hidden where there is no terminal.
    pub fn bar(&self, total: u64, message: &str) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new(total));
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:20} {pos}/{len} {eta}") {
            bar.set_style(style.progress_chars("█▉░"));
        }
        bar.set_message(message.to_owned());
        bar
    }

    /// A bar over `total` unequal steps, whose prefix says how much time is left.
    pub fn steps(&self, total: u64) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new(total));
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} {prefix} {msg}") {
            bar.set_style(style.progress_chars("█▉░"));
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(250));
        bar
    }

    /// A bar over `total` bytes.
    pub fn byte_bar(&self, total: u64, message: &str) -> ProgressBar {
        let bar = self.bar(total, message);
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:20} {decimal_bytes}/{decimal_total_bytes} {eta}") {
            bar.set_style(style.progress_chars("█▉░"));
        }
        bar
    }

    /// A spinner for work of unknown length.
    pub fn spinner(&self, message: &str) -> ProgressBar {
        let spinner = self.bars.add(ProgressBar::new_spinner());
        spinner.set_message(message.to_owned());
        spinner.enable_steady_tick(std::time::Duration::from_millis(120));
        spinner
    }
}

#[cfg(unix)]
fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

#[cfg(not(unix))]
fn terminal_width() -> Option<usize> {
    None
}
