//! Bars and lines for what a run tells: one bar a comparison, gone when it is judged.

use indicatif::ProgressBar;

use crate::measure::event::Event as Measured;
use crate::pipeline::derivation::Progress as Deriving;
use crate::pipeline::event::Event;
use crate::pipeline::explore;
use crate::runtime::library::InstallEvent;
use crate::units;
use crate::verdict::ComparisonKey;

use super::ui::Ui;

/// Draws the events of a run.
pub(crate) struct Progress<'a> {
    ui: &'a Ui,
    bar: Option<ProgressBar>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(ui: &'a Ui) -> Self {
        Self { ui, bar: None }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, event: Event<'_>) {
        match event {
            Event::Planned {
                comparisons,
                each,
                total,
            } => {
                let plural = if comparisons == 1 { "" } else { "s" };
                self.ui.status(&format!(
                    "measuring {comparisons} comparison{plural}, at most {each} each, {total} in total"
                ));
            }
            Event::BuildOutput { model, line } => self.ui.status(&format!("{model} │ {line}")),
            Event::Preparing { model } => self.spin(&format!("{model}: reading and deriving variants")),
            Event::Deriving {
                model,
                variant,
                progress,
            } => self.deriving(model, variant, progress),
            Event::Measuring { key, progress } => self.measured(key, progress),
            Event::Judged(_) => self.clear(),
            Event::Warning(text) => self.ui.warning(text),
        }
    }

    fn deriving(&mut self, model: &str, variant: &str, progress: &Deriving) {
        let bar = self.bar.get_or_insert_with(|| self.ui.spinner(model));
        match progress {
            Deriving::Calibrating { done, of, .. } => {
                bar.set_message(format!("{model} · {variant}: calibrating, {done} of {of} runs"));
            }
        }
    }

    fn measured(&mut self, key: &ComparisonKey, event: &Measured) {
        let name = format!("{} · {}", key.model, key.variant_label());
        match event {
            Measured::Planned { restarts, .. } => {
                self.clear();
                self.bar = Some(self.ui.bar(*restarts as u64, &name));
            }
            Measured::Restarted {
                done, planned, change, ..
            } => {
                let bar = self.bar.get_or_insert_with(|| self.ui.bar(*planned as u64, &name));
                bar.set_length(*planned as u64);
                bar.set_position(*done as u64);
                if let Some(change) = change {
                    let half_width = (change.upper - change.lower) / 2.0;
                    bar.set_message(format!(
                        "{name} {} ±{half_width:.1}",
                        units::signed_percent(change.center)
                    ));
                }
            }
            Measured::Finished { .. } => self.clear(),
        }
    }

    fn spin(&mut self, message: &str) {
        self.clear();
        self.bar = Some(self.ui.spinner(message));
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Draws a sweep: one bar over its steps, with what is left of the time.
pub(crate) struct Exploring<'a> {
    ui: &'a Ui,
    bar: Option<ProgressBar>,
    /// What is being done, before its figures.
    doing: String,
}

impl<'a> Exploring<'a> {
    pub(crate) fn new(ui: &'a Ui) -> Self {
        Self {
            ui,
            bar: None,
            doing: String::new(),
        }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, event: explore::Event<'_>) {
        match event {
            explore::Event::Planned { variants, budget } => {
                let plural = if variants == 1 { "" } else { "s" };
                self.ui
                    .status(&format!("trying {variants} variant{plural}, {budget} in total"));
            }
            explore::Event::Began {
                step,
                steps,
                name,
                doing,
                left,
            } => {
                let verb = match doing {
                    explore::Doing::Deriving => "deriving",
                    explore::Doing::Measuring => "measuring",
                };
                self.doing = format!("{verb} {name}");
                let bar = self.bar.get_or_insert_with(|| self.ui.steps(steps as u64));
                bar.set_length(steps as u64);
                bar.set_position(step.saturating_sub(1) as u64);
                bar.set_prefix(format!("{left} left"));
                bar.set_message(self.doing.clone());
            }
            explore::Event::Measuring(Measured::Restarted {
                change: Some(change), ..
            }) => {
                if let Some(bar) = &self.bar {
                    let half_width = (change.upper - change.lower) / 2.0;
                    bar.set_message(format!(
                        "{} {} ±{half_width:.1}",
                        self.doing,
                        units::signed_percent(change.center)
                    ));
                }
            }
            explore::Event::Deriving(Deriving::Calibrating { done, of, .. }) => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("{}, sample {done} of {of}", self.doing));
                }
            }
            explore::Event::Measuring(_) => {}
        }
    }
}

impl Drop for Exploring<'_> {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Shows an installation as a bar, and as lines where there is no terminal.
pub(crate) struct Installing<'a> {
    ui: &'a Ui,
    bar: Option<ProgressBar>,
}

impl<'a> Installing<'a> {
    pub(crate) fn new(ui: &'a Ui) -> Self {
        Self { ui, bar: None }
    }

    pub(crate) fn show(&mut self, event: &InstallEvent) {
        match event {
            InstallEvent::Waiting => self.ui.status("waiting for another process that installs an engine"),
            InstallEvent::Downloading { wheel, bytes } => {
                self.ui.status(&format!("fetching {wheel}"));
                self.bar = Some(self.ui.byte_bar(*bytes, "the engine"));
            }
            InstallEvent::Downloaded { bytes } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(*bytes);
                }
            }
            InstallEvent::Verifying => {
                if let Some(bar) = &self.bar {
                    bar.set_message("checking its SHA-256");
                }
            }
            InstallEvent::Unpacking => {
                if let Some(bar) = &self.bar {
                    bar.set_message("unpacking");
                }
            }
            InstallEvent::Installed => self.finish(),
        }
    }

    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Installing<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}
