//! seccomp: which system calls a worker may still make.
//!
//! Four filters lie on one another, and the strictest answer counts. The list of allowed calls refuses what it does not name with
//! `EPERM`, in calls of another processor's numbering too; what no model needs ends the process with a word on stderr (see
//! [`super::refusal`]).

use std::io;

use seccompiler::BpfProgram;
use seccompiler::SeccompAction;
use seccompiler::SeccompCmpArgLen;
use seccompiler::SeccompCmpOp;
use seccompiler::SeccompCondition;
use seccompiler::SeccompFilter;
use seccompiler::SeccompRule;

use super::refusal;
use super::table;

/// Numbers of `linux/prctl.h` and `linux/fcntl.h`, alike on all processors.
const PR_SVE_GET_VL: libc::c_int = 51;
const PR_SME_GET_VL: libc::c_int = 64;
const F_SETSIG: libc::c_int = 10;
const F_SETOWN_EX: libc::c_int = 15;

/// Numbers of `asm-generic/ioctls.h`, which both processors have; C libraries differ in their type.
const TCGETS: u64 = 0x5401;
const FIONREAD: u64 = 0x541b;
const FIONCLEX: u64 = 0x5450;
const FIOCLEX: u64 = 0x5451;

type Rules = Vec<(libc::c_long, Vec<SeccompRule>)>;

/// Gives up every other call, and privileges that a program could gain. `writes` leaves it what files are written with.
pub(super) fn keep_to(writes: bool) -> io::Result<()> {
    let process = u64::from(std::process::id());
    refusal::tell()?;

    let changing_the_telling = vec![(libc::SYS_rt_sigaction, vec![rule(&[is(0, libc::SIGSYS as u64)])?])];
    install(changing_the_telling, SeccompAction::KillProcess)?;

    let mut fatal: Rules = table::fatal().map(|(_, call)| (call, Vec::new())).collect();
    let thread = libc::CLONE_THREAD as u64;
    fatal.push((libc::SYS_clone, vec![rule(&[masked(0, thread, 0)])?]));
    fatal.push((libc::SYS_kill, vec![rule(&[is_not(0, process)])?]));
    fatal.push((libc::SYS_tgkill, vec![rule(&[is_not(0, process)])?]));
    install(fatal, SeccompAction::Trap)?;

    let unknown = table::unknown().map(|(_, call)| (call, Vec::new())).collect();
    install(unknown, SeccompAction::Errno(libc::ENOSYS as u32))?;

    // The last one: it lets no further filter in.
    apply(
        allowed(writes)?,
        SeccompAction::Errno(libc::EPERM as u32),
        SeccompAction::Allow,
    )
}

fn allowed(writes: bool) -> io::Result<Rules> {
    let mut allowed: Rules = table::plain().map(|(_, call)| (call, Vec::new())).collect();
    if writes {
        allowed.extend(table::writing().map(|(_, call)| (call, Vec::new())));
    }
    // An older filter judges these.
    for call in [
        libc::SYS_clone,
        libc::SYS_clone3,
        libc::SYS_kill,
        libc::SYS_tgkill,
        libc::SYS_rt_sigaction,
    ] {
        allowed.push((call, Vec::new()));
    }
    // Names of threads and mappings, and vector lengths. Not what ends this process with its parent.
    let options = [
        libc::PR_SET_NAME,
        libc::PR_GET_NAME,
        libc::PR_GET_DUMPABLE,
        libc::PR_SET_VMA,
        PR_SVE_GET_VL,
        PR_SME_GET_VL,
    ];
    allowed.push((libc::SYS_prctl, one_of(0, &options.map(|option| option as u64))?));
    allowed.push((libc::SYS_ioctl, one_of(1, &[TCGETS, FIONREAD, FIONCLEX, FIOCLEX])?));
    // Not what has a signal sent to somebody when a file is ready.
    let signalling = [libc::F_SETOWN, F_SETSIG, F_SETOWN_EX, libc::F_SETLEASE, libc::F_NOTIFY];
    let others: Vec<Condition> = signalling.iter().map(|command| is_not(1, *command as u64)).collect();
    allowed.retain(|(call, _)| *call != libc::SYS_fcntl);
    allowed.push((libc::SYS_fcntl, vec![rule(&others)?]));
    // Its own limits, to look at; its own thread's cores.
    allowed.push((libc::SYS_prlimit64, vec![rule(&[is(0, 0), whole(2, 0)])?]));
    allowed.push((libc::SYS_sched_setaffinity, vec![rule(&[is(0, 0)])?]));
    Ok(allowed)
}

fn install(matched: Rules, action: SeccompAction) -> io::Result<()> {
    apply(matched, SeccompAction::Allow, action)
}

fn apply(rules: Rules, otherwise: SeccompAction, action: SeccompAction) -> io::Result<()> {
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let program: BpfProgram = SeccompFilter::new(rules.into_iter().collect(), otherwise, action, architecture)
        .and_then(TryInto::try_into)
        .map_err(io::Error::other)?;
    seccompiler::apply_filter_all_threads(&program).map_err(io::Error::other)
}

/// One argument of a call, and what it must be.
type Condition = (u8, SeccompCmpArgLen, SeccompCmpOp, u64);

fn is(argument: u8, value: u64) -> Condition {
    (argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn is_not(argument: u8, value: u64) -> Condition {
    (argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}

/// All 64 bits.
fn whole(argument: u8, value: u64) -> Condition {
    (argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> Condition {
    (argument, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(mask), value)
}

/// All conditions at once.
fn rule(conditions: &[Condition]) -> io::Result<SeccompRule> {
    let conditions = conditions
        .iter()
        .map(|(argument, length, operator, value)| {
            SeccompCondition::new(*argument, length.clone(), operator.clone(), *value)
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(io::Error::other)?;
    SeccompRule::new(conditions).map_err(io::Error::other)
}

/// Any of the values.
fn one_of(argument: u8, values: &[u64]) -> io::Result<Vec<SeccompRule>> {
    values.iter().map(|value| rule(&[is(argument, *value)])).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_call_is_both_allowed_and_fatal() {
        let allowed: BTreeSet<_> = table::plain().chain(table::writing()).collect();
        let fatal: BTreeSet<_> = table::fatal().chain(table::unknown()).collect();
        assert_eq!(
            allowed.intersection(&fatal).collect::<Vec<_>>(),
            Vec::<&table::Call>::new()
        );
        assert!(allowed.len() > 90 && fatal.len() > 60);
    }

    #[test]
    fn the_filters_fit_what_the_kernel_takes() {
        for writes in [false, true] {
            let architecture = std::env::consts::ARCH.try_into().unwrap();
            let rules = allowed(writes).unwrap().into_iter().collect();
            let filter = SeccompFilter::new(rules, SeccompAction::Errno(1), SeccompAction::Allow, architecture);
            let program: BpfProgram = filter.unwrap().try_into().unwrap();
            assert!(program.len() < 4096);
        }
    }
}
