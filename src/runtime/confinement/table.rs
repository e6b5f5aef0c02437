//! System calls by what becomes of them. What no list names is refused with `EPERM`.

use libc::c_long;

/// A name and a number.
pub(super) type Call = (&'static str, c_long);

macro_rules! calls {
    ($($name:ident),* $(,)?) => {{
        /// Each by its name.
        const CALLS: &[Call] = &[$((stringify!($name), libc::$name)),*];
        CALLS
    }};
}

/// What an engine computes, waits and reads with. None of these reaches another process, and Landlock judges what is opened.
pub(super) fn plain() -> impl Iterator<Item = Call> {
    let everywhere = calls![
        SYS_read,
        SYS_write,
        SYS_readv,
        SYS_writev,
        SYS_pread64,
        SYS_pwrite64,
        SYS_preadv,
        SYS_pwritev,
        SYS_preadv2,
        SYS_close,
        SYS_close_range,
        SYS_lseek,
        SYS_openat,
        SYS_openat2,
        SYS_fstat,
        SYS_newfstatat,
        SYS_statx,
        SYS_statfs,
        SYS_fstatfs,
        SYS_faccessat,
        SYS_faccessat2,
        SYS_readlinkat,
        SYS_getdents64,
        SYS_getcwd,
        SYS_fcntl,
        SYS_dup,
        SYS_dup3,
        SYS_pipe2,
        SYS_ppoll,
        SYS_pselect6,
        SYS_epoll_create1,
        SYS_epoll_ctl,
        SYS_epoll_pwait,
        SYS_eventfd2,
        SYS_fadvise64,
        SYS_readahead,
        SYS_mmap,
        SYS_munmap,
        SYS_mremap,
        SYS_mprotect,
        SYS_madvise,
        SYS_brk,
        SYS_mincore,
        SYS_msync,
        SYS_mlock,
        SYS_mlock2,
        SYS_munlock,
        SYS_membarrier,
        SYS_get_mempolicy,
        SYS_pkey_alloc,
        SYS_pkey_free,
        SYS_pkey_mprotect,
        SYS_futex,
        SYS_futex_waitv,
        SYS_set_robust_list,
        SYS_get_robust_list,
        SYS_set_tid_address,
        SYS_rseq,
        SYS_exit,
        SYS_exit_group,
        SYS_gettid,
        SYS_getpid,
        SYS_getppid,
        SYS_sched_yield,
        SYS_sched_getaffinity,
        SYS_sched_getparam,
        SYS_sched_getscheduler,
        SYS_sched_get_priority_max,
        SYS_sched_get_priority_min,
        SYS_getpriority,
        SYS_getcpu,
        SYS_clock_gettime,
        SYS_clock_getres,
        SYS_clock_nanosleep,
        SYS_nanosleep,
        SYS_gettimeofday,
        SYS_times,
        SYS_rt_sigprocmask,
        SYS_rt_sigreturn,
        SYS_rt_sigpending,
        SYS_rt_sigtimedwait,
        SYS_rt_sigsuspend,
        SYS_sigaltstack,
        SYS_restart_syscall,
        SYS_uname,
        SYS_getrandom,
        SYS_sysinfo,
        SYS_getuid,
        SYS_geteuid,
        SYS_getgid,
        SYS_getegid,
        SYS_getresuid,
        SYS_getresgid,
        SYS_getgroups,
        SYS_getpgid,
        SYS_getsid,
        SYS_getrusage,
        SYS_umask,
    ];
    #[cfg(target_arch = "x86_64")]
    let of_this_processor = calls![
        SYS_open,
        SYS_stat,
        SYS_lstat,
        SYS_access,
        SYS_readlink,
        SYS_getdents,
        SYS_dup2,
        SYS_pipe,
        SYS_poll,
        SYS_select,
        SYS_epoll_create,
        SYS_epoll_wait,
        SYS_eventfd,
        SYS_arch_prctl,
        SYS_time,
        SYS_getpgrp,
        SYS_getrlimit,
        SYS_pause,
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let of_this_processor: &[Call] = &[];
    everywhere.iter().chain(of_this_processor).copied()
}

/// What a profile and the engine's optimized graph are written with, into the worker's own folder.
pub(super) fn writing() -> impl Iterator<Item = Call> {
    let everywhere = calls![
        SYS_ftruncate,
        SYS_fallocate,
        SYS_fsync,
        SYS_fdatasync,
        SYS_unlinkat,
        SYS_symlinkat,
        SYS_pwritev2,
    ];
    #[cfg(target_arch = "x86_64")]
    let of_this_processor = calls![SYS_truncate, SYS_unlink, SYS_symlink, SYS_creat];
    #[cfg(not(target_arch = "x86_64"))]
    let of_this_processor: &[Call] = &[];
    everywhere.iter().chain(of_this_processor).copied()
}

/// What the C library does without, in another way, where the kernel says that it is unknown.
pub(super) fn unknown() -> impl Iterator<Item = Call> {
    calls![SYS_clone3].iter().copied()
}

/// What no model ever needs: reaching others, starting programs, changing the system. One such call ends the process, so that it is
/// told and not only refused.
pub(super) fn fatal() -> impl Iterator<Item = Call> {
    let everywhere = calls![
        SYS_socket,
        SYS_socketpair,
        SYS_connect,
        SYS_bind,
        SYS_listen,
        SYS_accept,
        SYS_accept4,
        SYS_execve,
        SYS_execveat,
        SYS_ptrace,
        SYS_process_vm_readv,
        SYS_process_vm_writev,
        SYS_process_madvise,
        SYS_process_mrelease,
        SYS_pidfd_getfd,
        SYS_pidfd_send_signal,
        SYS_tkill,
        SYS_rt_sigqueueinfo,
        SYS_rt_tgsigqueueinfo,
        SYS_kcmp,
        SYS_mount,
        SYS_umount2,
        SYS_pivot_root,
        SYS_chroot,
        SYS_move_mount,
        SYS_open_tree,
        SYS_fsopen,
        SYS_fsconfig,
        SYS_fsmount,
        SYS_fspick,
        SYS_mount_setattr,
        SYS_unshare,
        SYS_setns,
        SYS_keyctl,
        SYS_add_key,
        SYS_request_key,
        SYS_bpf,
        SYS_userfaultfd,
        SYS_io_uring_setup,
        SYS_io_uring_enter,
        SYS_io_uring_register,
        SYS_init_module,
        SYS_finit_module,
        SYS_delete_module,
        SYS_kexec_load,
        SYS_reboot,
        SYS_swapon,
        SYS_swapoff,
        SYS_open_by_handle_at,
        SYS_quotactl,
        SYS_acct,
        SYS_sethostname,
        SYS_setdomainname,
        SYS_settimeofday,
        SYS_clock_settime,
        SYS_adjtimex,
        SYS_clock_adjtime,
        SYS_vhangup,
        SYS_fanotify_init,
        SYS_lookup_dcookie,
        SYS_setuid,
        SYS_setgid,
        SYS_setreuid,
        SYS_setregid,
        SYS_setresuid,
        SYS_setresgid,
        SYS_setgroups,
        SYS_setfsuid,
        SYS_setfsgid,
        SYS_capset,
        SYS_setsid,
        SYS_setpgid,
    ];
    #[cfg(target_arch = "x86_64")]
    let of_this_processor = calls![SYS_fork, SYS_vfork, SYS_iopl, SYS_ioperm, SYS_modify_ldt];
    #[cfg(not(target_arch = "x86_64"))]
    let of_this_processor: &[Call] = &[];
    everywhere.iter().chain(of_this_processor).copied()
}

/// Calls whose arguments decide whether they are fatal.
pub(super) fn judged() -> impl Iterator<Item = Call> {
    calls![SYS_clone, SYS_kill, SYS_tgkill].iter().copied()
}
