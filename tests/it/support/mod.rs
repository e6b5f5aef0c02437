//! What tests share: a hermetic environment, fixtures, the fake GitHub.

#[cfg(unix)]
pub(crate) mod act;
pub(crate) mod derived;
pub(crate) mod desk;
pub(crate) mod device;
pub(crate) mod env;
pub(crate) mod fake_github;
#[cfg(target_os = "linux")]
pub(crate) mod hostile;
pub(crate) mod killing;
#[cfg(target_os = "linux")]
pub(crate) mod litert;
pub(crate) mod mounts;
pub(crate) mod onnx;
pub(crate) mod page;
pub(crate) mod profiles;
pub(crate) mod reports;
pub(crate) mod runtime;
pub(crate) mod s3;
pub(crate) mod text;
