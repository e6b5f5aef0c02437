//! A deep profile as one HTML page: drawings in inline SVG, each figure in a table too, no script, nothing from any network.
//!
//! Names come out of hostile files: every text is cleaned and escaped, in the drawings by [`crate::report::svg`], in the template by its engine.

mod cold;
mod flame;
mod layers;
mod memory;
mod palette;
mod roofline;
mod rows;
mod scope;
mod timeline;

use serde::Serialize;

use crate::measure::profile::Kernel;
use crate::measure::profile::Profile;
use crate::measure::sensitivity::Sensitivity;
use crate::report::clean;
use crate::report::page;
use crate::report::page::PageError;
use crate::units::Bytes;
use crate::units::Millis;

use self::palette::Palette;

/// What the page shows.
#[derive(Debug, Clone)]
pub struct ProfileView<'a> {
    /// What people call the model: a path, a tag.
    pub title: String,
    /// The profile.
    pub profile: &'a Profile,
    /// How far each layer of a second build is from this one, and what that build is called.
    pub sensitivity: Option<(&'a Sensitivity, String)>,
    /// The machine in one line: processor, cores, system.
    pub machine: String,
    /// When, ISO 8601 in UTC.
    pub generated_at: String,
    /// What the reader should know.
    pub notices: Vec<String>,
}

/// The page, whole.
pub fn render(view: &ProfileView<'_>) -> Result<String, PageError> {
    page::render("profile.html", &Page::of(view))
}

/// Everything that the template names.
#[derive(Debug, Serialize)]
struct Page {
    title: String,
    subtitle: String,
    machine: String,
    generated_at: String,
    version: &'static str,
    notices: Vec<String>,
    cards: Vec<rows::Card>,
    inflation: String,
    operators: Vec<rows::OperatorRow>,
    top: Vec<rows::KernelRow>,
    kernels: Vec<rows::KernelRow>,
    overhead: rows::Share,
    total: String,
    modules: bool,
    has_loops: bool,
    flame: Option<String>,
    timeline: Option<String>,
    memory: Option<String>,
    memory_note: String,
    roofline: Option<String>,
    roofline_note: String,
    cold_bar: Option<String>,
    warmup: Option<String>,
    cold: Vec<(String, String)>,
    cold_note: String,
    fates: Vec<rows::FateRow>,
    fusions: Vec<rows::FusionRow>,
    missed: Vec<rows::MissedRow>,
    sensitivity: Option<rows::SensitivityTable>,
}

impl Page {
    fn of(view: &ProfileView<'_>) -> Self {
        let profile = view.profile;
        let palette = Palette::of(profile);
        let (places, modules) = scope::places(profile);
        let roofline = roofline::draw(profile, &palette);
        Self {
            title: clean::line(&view.title, clean::NAME_LENGTH),
            subtitle: rows::subtitle(profile),
            machine: clean::line(&view.machine, clean::PROSE_LENGTH),
            generated_at: clean::line(&view.generated_at, clean::NAME_LENGTH),
            version: crate::VERSION,
            notices: view
                .notices
                .iter()
                .map(|notice| clean::sentence(notice, clean::PROSE_LENGTH))
                .collect(),
            cards: rows::cards(profile),
            inflation: rows::inflation(profile),
            operators: rows::operators(profile, &palette),
            top: rows::top(profile, &places, &palette),
            kernels: rows::kernels(profile, &places, &palette),
            overhead: rows::Share::of(profile.overhead_seconds, profile.run_seconds),
            total: Millis(profile.run_seconds * 1e3).to_string(),
            modules,
            has_loops: profile.timeline.iter().any(|span| span.depth > 0),
            flame: flame::draw(profile, &places, &palette),
            timeline: timeline::draw(profile, &places, &palette, modules),
            memory: memory::draw(profile, &places),
            memory_note: rows::memory_note(profile),
            roofline_note: rows::roofline_note(profile, roofline.as_ref().map_or(0, |(_, shown)| *shown)),
            roofline: roofline.map(|(drawing, _)| drawing),
            cold_bar: cold::bar(&profile.cold),
            warmup: cold::sparkline(&profile.cold),
            cold: cold::parts(&profile.cold)
                .into_iter()
                .map(|(name, _, seconds)| (name.to_owned(), Millis(seconds * 1e3).to_string()))
                .collect(),
            cold_note: rows::cold_note(profile),
            fates: rows::fates(profile),
            fusions: rows::fusions(profile, &places),
            missed: rows::missed(profile, &places),
            sensitivity: view
                .sensitivity
                .as_ref()
                .map(|(sensitivity, build)| rows::sensitivity(sensitivity, build)),
        }
    }
}

/// What a pointer that rests on a kernel reads.
fn about(kernel: &Kernel) -> String {
    let mut about = format!(
        "{}, {} a run ({:.1} %)",
        about_name(kernel),
        Millis(kernel.seconds * 1e3),
        kernel.share * 100.0
    );
    if kernel.calls > 1 {
        about += &format!(" in {} calls", kernel.calls);
    }
    if let Some(bytes) = kernel.output_bytes {
        about += &format!(", writes {}", Bytes(bytes));
    }
    if let Some(bound) = kernel.bound {
        about += &format!(", limited by {}", bound.word());
    }
    about
}

/// `/features/17/conv (FusedConv)`.
fn about_name(kernel: &Kernel) -> String {
    format!(
        "{} ({})",
        scope::shown_name(kernel),
        clean::line(&kernel.op_type, clean::NAME_LENGTH)
    )
}
