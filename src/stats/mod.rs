//! Pure statistics: summaries, intervals over restarts, planned looks, and the correction for several comparisons.
//!
//! Nothing here knows what is measured. Every choice that could have gone another way was made on recorded noise, which is kept in
//! `tests/fixtures/noise/`; the tests beside it repeat the evidence.

pub mod change_point;
pub mod groups;
pub mod histogram;
pub mod holm;
pub mod interval;
pub mod sequential;
pub mod summary;
pub mod trend;
